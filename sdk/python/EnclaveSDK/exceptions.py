"""Errors of the SDK, under the names that generated clients use.

``ApiException`` is what the Enclave API answered (or that it could not be
reached: status 0); the others are mistakes in a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class OpenApiException(Exception):
    """The base of every error of this package."""


class ApiTypeError(OpenApiException, TypeError):
    """An argument is of the wrong type."""


class ApiValueError(OpenApiException, ValueError):
    """An argument has a value that cannot be sent."""


class ApiAttributeError(OpenApiException, AttributeError):
    """A model has no such attribute."""


class ApiKeyError(OpenApiException, KeyError):
    """A needed key is missing."""


class ApiException(OpenApiException):
    """The API refused, failed or could not be reached.

    ``status`` is the HTTP status, or 0 when there was no answer; ``reason``
    the words beside it; ``body`` the answer as text; ``headers`` a mapping;
    ``data`` the body read as JSON, where it was JSON.
    """

    def __init__(
        self,
        status: int | None = None,
        reason: str | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: Any | None = None,
    ) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.body = body
        self.headers = headers
        self.data = data

    @classmethod
    def from_answer(
        cls,
        status: int,
        reason: str,
        body: str,
        headers: Mapping[str, str],
        data: Any | None,
    ) -> ApiException:
        """The exception class that fits the status."""
        kind = _BY_STATUS.get(status)
        if kind is None:
            kind = ServiceException if 500 <= status <= 599 else ApiException
        return kind(status, reason, body, headers, data)

    def __str__(self) -> str:
        lines = [f"({self.status})", f"Reason: {self.reason}"]
        if self.headers:
            lines.append(f"HTTP response headers: {dict(self.headers)}")
        if self.body:
            lines.append(f"HTTP response body: {self.body}")
        return "\n".join(lines)


class BadRequestException(ApiException):
    """400: the request, or the report in it, was refused."""


class UnauthorizedException(ApiException):
    """401: a bearer token is missing or wrong."""


class ForbiddenException(ApiException):
    """403: the contract does not allow it."""


class NotFoundException(ApiException):
    """404: no such file or endpoint."""


class ConflictException(ApiException):
    """409: for example, a second final report."""


class UnprocessableEntityException(ApiException):
    """422: understood, but not acceptable."""


class ServiceException(ApiException):
    """5xx: the API itself failed."""


_BY_STATUS = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    409: ConflictException,
    422: UnprocessableEntityException,
}
