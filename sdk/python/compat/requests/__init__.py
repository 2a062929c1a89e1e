"""A small stand-in for the ``requests`` library, for rooms where it is absent.

Samples of EscrowAI's manual call the Enclave API with ``requests``, and a room
has no package index. This module has what those calls use (get, post and the
other verbs; params, json, data, headers, timeout, verify; Response) over the
standard library. It is not ``requests``: no sessions, cookies, redirects to
other hosts, proxies, files or authentication helpers. Wherever the real
library is on the path, this module steps aside and the real one is imported.

``verify=True`` trusts the file that ``REQUESTS_CA_BUNDLE`` or
``ENCLAVE_CA_FILE`` names, else the system's certificates.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys


def _give_way() -> bool:
    """Loads the real library in place of this module, if there is one."""
    here = os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    others = [entry for entry in sys.path if os.path.realpath(entry or os.getcwd()) != here]
    spec = importlib.machinery.PathFinder.find_spec(__name__, others)
    if spec is None or spec.loader is None or spec.origin is None:
        return False
    module = importlib.util.module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)
    return True


if not _give_way():
    from . import exceptions
    from ._client import Response, codes, delete, get, head, patch, post, put, request
    from .exceptions import (
        ConnectionError,
        HTTPError,
        JSONDecodeError,
        RequestException,
        SSLError,
        Timeout,
    )

    __all__ = [
        "ConnectionError",
        "HTTPError",
        "JSONDecodeError",
        "RequestException",
        "Response",
        "SSLError",
        "Timeout",
        "codes",
        "delete",
        "exceptions",
        "get",
        "head",
        "patch",
        "post",
        "put",
        "request",
    ]
    __version__ = "0+sealroom"
