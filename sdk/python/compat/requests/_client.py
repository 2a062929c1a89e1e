"""The stand-in's requests and answers; see the package's note for what it leaves out."""

from __future__ import annotations

import json as _json
import os
import socket
import ssl
import types
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from .exceptions import ConnectionError, HTTPError, JSONDecodeError, SSLError, Timeout

codes = types.SimpleNamespace(**{status.name.lower(): status.value for status in HTTPStatus})


class Response:
    """A whole answer."""

    def __init__(self, status_code: int, reason: str, content: bytes, headers: Message, url: str) -> None:
        self.status_code = status_code
        self.reason = reason
        self.content = content
        self.headers = headers
        self.url = url
        self.encoding = headers.get_content_charset() or "utf-8"

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    def __bool__(self) -> bool:
        return self.ok

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        try:
            return _json.loads(self.content)
        except ValueError as error:
            raise JSONDecodeError(str(error), response=self) from error

    def iter_content(self, chunk_size: int = 1) -> Iterable[bytes]:
        """The body in pieces (it has been read whole already)."""
        for start in range(0, len(self.content), chunk_size):
            yield self.content[start : start + chunk_size]

    def raise_for_status(self) -> None:
        """Raises HTTPError for 4xx and 5xx."""
        if not self.ok:
            raise HTTPError(f"{self.status_code} {self.reason} for url: {self.url}", response=self)

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # type: ignore[override]
        return None


def _context(verify: bool | str) -> ssl.SSLContext:
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("ENCLAVE_CA_FILE")
    return ssl.create_default_context(cafile=verify if isinstance(verify, str) else named)


def _with_params(url: str, params: Any) -> str:
    if not params:
        return url
    pairs = params.items() if isinstance(params, Mapping) else params
    query = urlencode([(key, value) for key, value in pairs if value is not None], doseq=True)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(text for text in (parts.query, query) if text)))


def request(
    method: str,
    url: str,
    *,
    params: Any = None,
    data: str | bytes | Mapping[str, Any] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: None | float | tuple[float, float] = None,
    verify: bool | str = True,
) -> Response:
    """One request and its whole answer, whatever its status."""
    sent = {"Accept": "*/*", "User-Agent": "sealroom-requests-stand-in"}
    body: bytes | None = None
    if json is not None:
        body = _json.dumps(json, allow_nan=False).encode("utf-8")
        sent["Content-Type"] = "application/json"
    elif isinstance(data, Mapping):
        body = urlencode(data, doseq=True).encode("utf-8")
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    elif data is not None:
        body = data.encode("utf-8") if isinstance(data, str) else data
    sent.update(headers or {})
    target = _with_params(url, params)
    seconds = max(timeout) if isinstance(timeout, tuple) else timeout
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=_context(verify)),
        _NoRedirect(),
    )
    asked = urllib.request.Request(target, data=body, headers=sent, method=method.upper())
    try:
        try:
            answer = opener.open(asked, timeout=seconds) if seconds is not None else opener.open(asked)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Response(answer.status, answer.reason, answer.read(), answer.headers, target)
    except (socket.timeout, TimeoutError) as error:
        raise Timeout(str(error)) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise SSLError(str(error.reason)) from error
        if isinstance(error.reason, (socket.timeout, TimeoutError)):
            raise Timeout(str(error.reason)) from error
        raise ConnectionError(str(error.reason)) from error
    except OSError as error:
        raise ConnectionError(str(error)) from error


def get(url: str, params: Any = None, **options: Any) -> Response:
    """A GET request."""
    return request("GET", url, params=params, **options)


def head(url: str, **options: Any) -> Response:
    """A HEAD request."""
    return request("HEAD", url, **options)


def post(url: str, data: Any = None, json: Any = None, **options: Any) -> Response:
    """A POST request."""
    return request("POST", url, data=data, json=json, **options)


def put(url: str, data: Any = None, **options: Any) -> Response:
    """A PUT request."""
    return request("PUT", url, data=data, **options)


def patch(url: str, data: Any = None, **options: Any) -> Response:
    """A PATCH request."""
    return request("PATCH", url, data=data, **options)


def delete(url: str, **options: Any) -> Response:
    """A DELETE request."""
    return request("DELETE", url, **options)
