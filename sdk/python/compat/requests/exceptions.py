"""The stand-in's errors, under the library's names."""

from __future__ import annotations

from typing import Any


class RequestException(IOError):
    """The base of this module's errors; ``response`` is the answer, if there was one."""

    def __init__(self, *args: Any, response: Any = None) -> None:
        super().__init__(*args)
        self.response = response


class HTTPError(RequestException):
    """A 4xx or 5xx answer, from ``raise_for_status``."""


class ConnectionError(RequestException):  # noqa: A001 - the library's name
    """The server could not be reached."""


class SSLError(ConnectionError):
    """The server's certificate was not accepted."""


class Timeout(RequestException):
    """There was no answer in time."""


class JSONDecodeError(RequestException, ValueError):
    """The body is not JSON."""
