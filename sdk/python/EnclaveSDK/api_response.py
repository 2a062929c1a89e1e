"""What the ``…_with_http_info`` methods return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class ApiResponse(Generic[T]):
    """An answer's status, headers, typed ``data`` and its bytes as received."""

    status_code: int
    headers: Mapping[str, str]
    data: T
    raw_data: bytes
