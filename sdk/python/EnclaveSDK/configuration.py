"""Where the Enclave API is and how its certificate is checked."""

from __future__ import annotations

import copy
import os
from typing import Any

from EnclaveSDK.exceptions import ApiTypeError

DEFAULT_HOST = "https://localhost:5000"

# Settings that clients of other generators pass; the Enclave API has no use
# for them, so they are accepted and not read.
_UNUSED = frozenset(
    {
        "api_key",
        "api_key_prefix",
        "username",
        "password",
        "server_index",
        "server_variables",
        "server_operation_index",
        "server_operation_variables",
        "ignore_operation_servers",
        "retries",
        "debug",
    }
)


class Configuration:
    """Settings of an :class:`EnclaveSDK.ApiClient`.

    :param host: base address; without one, the environment variable
        ``ENCLAVE_URL``, else ``https://localhost:5000``.
    :param access_token: sent as ``Authorization: Bearer …`` when given.
    :param ssl_ca_cert: file with the certificates to trust (PEM); without
        one, the file that ``ENCLAVE_CA_FILE`` names, else the system's.
    :param ca_cert_data: the same as text or DER bytes.
    :param verify_ssl: ``False`` switches certificate checks off.
    :param assert_hostname: ``False`` checks the certificate but not the name.
    :param cert_file: client certificate, with its key in ``key_file``.
    """

    _default: Configuration | None = None

    def __init__(
        self,
        host: str | None = None,
        *,
        access_token: str | None = None,
        ssl_ca_cert: str | None = None,
        ca_cert_data: str | bytes | None = None,
        verify_ssl: bool = True,
        assert_hostname: bool | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        **unused: Any,
    ) -> None:
        unknown = sorted(set(unused) - _UNUSED)
        if unknown:
            raise ApiTypeError(f"Configuration has no setting named {', '.join(unknown)}.")
        self.host = (host or os.environ.get("ENCLAVE_URL") or DEFAULT_HOST).rstrip("/")
        self.access_token = access_token
        self.ssl_ca_cert = ssl_ca_cert or os.environ.get("ENCLAVE_CA_FILE") or None
        self.ca_cert_data = ca_cert_data
        self.verify_ssl = verify_ssl
        self.assert_hostname = assert_hostname
        self.cert_file = cert_file
        self.key_file = key_file

    @classmethod
    def set_default(cls, default: Configuration | None) -> None:
        """The configuration of clients that are made without one."""
        cls._default = copy.copy(default)

    @classmethod
    def get_default(cls) -> Configuration:
        """The default configuration, made on first use."""
        if cls._default is None:
            cls._default = cls()
        return cls._default
