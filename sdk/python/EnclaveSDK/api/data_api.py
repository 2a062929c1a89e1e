"""Listing and reading the dataset's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from EnclaveSDK.api_client import ApiClient, read_json
from EnclaveSDK.api_response import ApiResponse
from EnclaveSDK.exceptions import ApiException, ApiTypeError, ApiValueError
from EnclaveSDK.models import Files
from EnclaveSDK.rest import Timeout

# Where EscrowAI's sandbox finds the data. A room reads the contract's stores only, so these are accepted and,
# being credentials, not sent.
_STORAGE = frozenset(
    {
        "sas_url",
        "s3_region",
        "s3_access_key_id",
        "s3_secret_access_key",
        "s3_session_token",
        "s3_bucket_name",
        "s3_prefix",
        "s3_endpoint_url",
    }
)


class DataApi:
    """``/api/v1/data``."""

    def __init__(self, api_client: ApiClient | None = None) -> None:
        self.api_client = api_client if api_client is not None else ApiClient.get_default()

    def api_v1_data_files_get(
        self,
        page: int | None = None,
        limit: int | None = None,
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
        **storage: Any,
    ) -> Files:
        """The dataset's files.

        :raises ApiException: 400 for a bad ``page`` or ``limit``.
        """
        return self.api_v1_data_files_get_with_http_info(
            page, limit, _request_timeout=_request_timeout, _headers=_headers, **storage
        ).data

    def api_v1_data_files_get_with_http_info(
        self,
        page: int | None = None,
        limit: int | None = None,
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
        **storage: Any,
    ) -> ApiResponse[Files]:
        """As :meth:`api_v1_data_files_get`, with status and headers."""
        _check_storage(storage)
        answer = self.api_client.call(
            "GET",
            "/api/v1/data/files",
            query={"page": page, "limit": limit},
            headers=_headers,
            timeout=_request_timeout,
        )
        return ApiResponse(answer.status, answer.headers, Files.from_dict(read_json(answer)), answer.data)

    def api_v1_data_file_get(
        self,
        filepath: str,
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
        **storage: Any,
    ) -> bytearray:
        """A whole file, by the ``name`` that the listing gave.

        :raises NotFoundException: when the dataset has no such file.
        """
        return self.api_v1_data_file_get_with_http_info(
            filepath, _request_timeout=_request_timeout, _headers=_headers, **storage
        ).data

    def api_v1_data_file_get_with_http_info(
        self,
        filepath: str,
        *,
        _request_timeout: Timeout = None,
        _headers: Mapping[str, Any] | None = None,
        **storage: Any,
    ) -> ApiResponse[bytearray]:
        """As :meth:`api_v1_data_file_get`, with status and headers."""
        _check_storage(storage)
        if not isinstance(filepath, str) or not filepath:
            raise ApiValueError("filepath must be the name of a file in the listing.")
        answer = self.api_client.call(
            "GET",
            "/api/v1/data/file",
            query={"filepath": filepath},
            accept="application/octet-stream",
            headers=_headers,
            timeout=_request_timeout,
        )
        return ApiResponse(answer.status, answer.headers, bytearray(answer.data), answer.data)

    def iter_file(
        self, filepath: str, chunk_size: int = 1 << 20, *, _request_timeout: Timeout = None
    ) -> Iterator[bytes]:
        """A file in pieces of ``chunk_size`` bytes, by ranges, for files larger than memory.

        An addition of this SDK. A server that ignores ranges gives the whole
        file as one piece.

        :raises ApiException: also when the answered range is not the one asked for.
        """
        if chunk_size < 1:
            raise ApiValueError("chunk_size must be at least 1.")
        start = 0
        total: int | None = None
        while total is None or start < total:
            try:
                answer = self.api_v1_data_file_get_with_http_info(
                    filepath,
                    _headers={"Range": f"bytes={start}-{start + chunk_size - 1}"},
                    _request_timeout=_request_timeout,
                )
            except ApiException as error:
                if error.status == 416 and start == 0:
                    return  # an empty file has no range
                raise
            if answer.status_code == 200 and start == 0:
                yield answer.raw_data
                return
            got = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range") or "")
            if (
                answer.status_code != 206
                or got is None
                or int(got[1]) != start
                or int(got[2]) - start + 1 != len(answer.raw_data)
                or not answer.raw_data
                or total not in (None, int(got[3]))
            ):
                raise ApiException(
                    answer.status_code, "The answered range is not the one asked for.", None, answer.headers
                )
            total = int(got[3])
            start += len(answer.raw_data)
            yield answer.raw_data


def _check_storage(storage: Mapping[str, Any]) -> None:
    unknown = sorted(set(storage) - _STORAGE)
    if unknown:
        raise ApiTypeError(f"There is no parameter named {', '.join(unknown)}.")
