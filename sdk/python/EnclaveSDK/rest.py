"""One HTTP request over :mod:`http.client`, with TLS as configured.

Environment proxies and redirects are not followed: inside a room the Enclave
API is the only peer there is.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from typing import Union
from urllib.parse import urlsplit

from EnclaveSDK.configuration import Configuration
from EnclaveSDK.exceptions import ApiException, ApiValueError

__all__ = ["ApiException", "RESTClientObject", "RESTResponse", "Timeout"]

Timeout = Union[None, int, float, tuple[float, float]]


class RESTResponse:
    """A whole answer: ``status``, ``reason``, ``data`` (bytes) and headers."""

    def __init__(self, status: int, reason: str, data: bytes, headers: http.client.HTTPMessage) -> None:
        self.status = status
        self.reason = reason
        self.data = data
        self.headers = headers

    def getheaders(self) -> Mapping[str, str]:
        """All headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header, whatever the case of its name."""
        return self.headers.get(name, default)


class RESTClientObject:
    """Sends requests to the host of one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._context: ssl.SSLContext | None = None
        self._context_of: tuple[object, ...] | None = None

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: Timeout = None,
    ) -> RESTResponse:
        """One request and its whole answer, whatever its status.

        :raises ApiException: with status 0, when there was no answer.
        """
        parts = urlsplit(self._configuration.host)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ApiValueError("The host must begin with https:// (or http://) and name a machine.")
        connect_timeout, read_timeout = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        context = self._tls_context() if parts.scheme == "https" else None
        try:
            if context is not None:
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=connect_timeout, context=context
                )
            else:
                connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=connect_timeout)
            try:
                connection.connect()
                connection.sock.settimeout(read_timeout)
                connection.request(method, parts.path.rstrip("/") + path, body=body, headers=dict(headers))
                answer = connection.getresponse()
                return RESTResponse(answer.status, answer.reason, answer.read(), answer.headers)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise ApiException(status=0, reason=f"{type(error).__name__}: {error}") from error

    def _tls_context(self) -> ssl.SSLContext:
        """The context for the settings as they are now (they may change between calls)."""
        settings = self._configuration
        wanted = (
            settings.verify_ssl,
            settings.ssl_ca_cert,
            settings.ca_cert_data,
            settings.assert_hostname,
            settings.cert_file,
            settings.key_file,
        )
        if self._context is None or self._context_of != wanted:
            self._context = _make_context(settings)
            self._context_of = wanted
        return self._context


def _make_context(settings: Configuration) -> ssl.SSLContext:
    if settings.verify_ssl:
        try:
            context = ssl.create_default_context(cafile=settings.ssl_ca_cert, cadata=settings.ca_cert_data)
        except (OSError, ssl.SSLError) as error:
            raise ApiValueError(
                f"The certificates to trust could not be read from {settings.ssl_ca_cert!r} ({error}); "
                "check ssl_ca_cert or the variable ENCLAVE_CA_FILE."
            ) from error
        if settings.assert_hostname is False:
            context.check_hostname = False
    else:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
