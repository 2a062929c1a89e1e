"""Checking and posting reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from EnclaveSDK.api_client import ApiClient, read_json
from EnclaveSDK.api_response import ApiResponse
from EnclaveSDK.models import MessageResponse, Report, ValidateResponse
from EnclaveSDK.rest import Timeout


class ReportApi:
    """``/api/v1/validate`` and ``/api/v1/report``."""

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = api_client if api_client is not None else ApiClient.get_default()

    def api_v1_validate_post(
        self,
        report: Report | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> ValidateResponse:
        """Checks a report against the criteria; nothing is kept.

        :raises BadRequestException: when the report would be refused; ``body`` names the fields.
        """
        return self.api_v1_validate_post_with_http_info(
            report, _request_timeout=_request_timeout, _headers=_headers
        ).data

    def api_v1_validate_post_with_http_info(
        self,
        report: Report | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> ApiResponse[ValidateResponse]:
        """As :meth:`api_v1_validate_post`, with status and headers."""
        answer = self.api_client.call(
            "POST",
            "/api/v1/validate",
            body=Report.from_dict(report),
            headers=_headers,
            timeout=_request_timeout,
        )
        data = ValidateResponse.from_dict(read_json(answer))
        return ApiResponse(answer.status, answer.headers, data, answer.data)

    def api_v1_report_post(
        self,
        report: Report | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> MessageResponse:
        """Posts a report; the first ``Completed`` one that passes is the run's output.

        :raises BadRequestException: when the report does not meet the criteria.
        :raises ConflictException: after the final report.
        """
        return self.api_v1_report_post_with_http_info(
            report, _request_timeout=_request_timeout, _headers=_headers
        ).data

    def api_v1_report_post_with_http_info(
        self,
        report: Report | Mapping[str, Any],
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
    ) -> ApiResponse[MessageResponse]:
        """As :meth:`api_v1_report_post`, with status and headers."""
        answer = self.api_client.call(
            "POST",
            "/api/v1/report",
            body=Report.from_dict(report),
            headers=_headers,
            timeout=_request_timeout,
        )
        data = MessageResponse.from_dict(read_json(answer))
        return ApiResponse(answer.status, answer.headers, data, answer.data)
