"""Turns calls into requests and answers into values or exceptions."""

from __future__ import annotations

import datetime
import decimal
import json
import platform
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from EnclaveSDK.configuration import Configuration
from EnclaveSDK.exceptions import ApiException, ApiValueError
from EnclaveSDK.models.base import Model
from EnclaveSDK.rest import RESTClientObject, RESTResponse, Timeout

VERSION = "0.1.0"


class ApiClient:
    """The connection that the API classes share; also a context manager."""

    _default: ApiClient | None = None

    def __init__(
        self,
        configuration: Configuration | None = None,
        header_name: str | None = None,
        header_value: str | None = None,
    ) -> None:
        self.configuration = configuration if configuration is not None else Configuration.get_default()
        self.rest_client = RESTClientObject(self.configuration)
        self.default_headers: dict[str, str] = {
            "User-Agent": f"EnclaveSDK/{VERSION} python/{platform.python_version()}"
        }
        if header_name is not None and header_value is not None:
            self.default_headers[header_name] = header_value

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing stays open between calls; here so that callers can close."""

    @property
    def user_agent(self) -> str:
        """The User-Agent header of this client."""
        return self.default_headers["User-Agent"]

    @user_agent.setter
    def user_agent(self, value: str) -> None:
        self.default_headers["User-Agent"] = value

    def set_default_header(self, name: str, value: str) -> None:
        """A header to send with every request."""
        self.default_headers[name] = value

    @classmethod
    def set_default(cls, default: ApiClient | None) -> None:
        """The client of API classes that are made without one."""
        cls._default = default

    @classmethod
    def get_default(cls) -> ApiClient:
        """The default client, made on first use."""
        if cls._default is None:
            cls._default = cls()
        return cls._default

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any | None = None,
        accept: str = "application/json",
        headers: Mapping[str, Any] | None = None,
        timeout: Timeout = None,
    ) -> RESTResponse:
        """One request.

        :raises ApiException: for every status but 2xx, and for no answer.
        :raises ApiValueError: when ``body`` has no JSON form.
        """
        sent = {**self.default_headers, "Accept": accept}
        if self.configuration.access_token:
            sent["Authorization"] = f"Bearer {self.configuration.access_token}"
        payload: bytes | None = None
        if body is not None:
            payload = to_json_bytes(body)
            sent["Content-Type"] = "application/json"
        sent.update({name: str(value) for name, value in (headers or {}).items()})
        present = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(present)}" if present else path
        answer = self.rest_client.request(method, target, sent, payload, timeout)
        if not 200 <= answer.status <= 299:
            text = answer.data.decode("utf-8", "replace")
            raise ApiException.from_answer(
                answer.status, answer.reason, text, answer.headers, _json_or_none(text)
            )
        return answer


def read_json(answer: RESTResponse) -> Any:
    """The answer's body as JSON.

    :raises ApiException: when it is something else.
    """
    try:
        return json.loads(answer.data.decode("utf-8"))
    except ValueError as error:
        raise ApiException(
            answer.status, "The answer is not JSON.", answer.data.decode("utf-8", "replace"), answer.headers
        ) from error


def to_json_bytes(value: Any) -> bytes:
    """Strict JSON in UTF-8: NaN and infinities are refused, as a room refuses them."""
    try:
        return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ApiValueError(f"This value cannot be sent as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return _plain(value.to_dict())
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return value


def _json_or_none(text: str) -> Any | None:
    try:
        return json.loads(text)
    except ValueError:
        return None
