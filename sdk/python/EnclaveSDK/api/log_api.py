"""Posting log lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from EnclaveSDK.api_client import ApiClient, read_json
from EnclaveSDK.api_response import ApiResponse
from EnclaveSDK.models import LogData, MessageResponse
from EnclaveSDK.rest import Timeout


class LogApi:
    """``/api/v1/log``."""

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = api_client if api_client is not None else ApiClient.get_default()

    def api_v1_log_post(
        self,
        log_data: LogData | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> MessageResponse:
        """Posts a log line; who may read it is a term of the contract."""
        return self.api_v1_log_post_with_http_info(
            log_data, _request_timeout=_request_timeout, _headers=_headers
        ).data

    def api_v1_log_post_with_http_info(
        self,
        log_data: LogData | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> ApiResponse[MessageResponse]:
        """As :meth:`api_v1_log_post`, with status and headers."""
        answer = self.api_client.call(
            "POST",
            "/api/v1/log",
            body=LogData.from_dict(log_data),
            headers=_headers,
            timeout=_request_timeout,
        )
        data = MessageResponse.from_dict(read_json(answer))
        return ApiResponse(answer.status, answer.headers, data, answer.data)
