"""A log line. Whether and when it leaves the room is a term of the contract."""

from __future__ import annotations

from EnclaveSDK.models.base import Field, Model


class LogData(Model):
    """``message``, and ``status`` (``In Progress``, ``Completed`` or ``Failed``)."""

    message: str
    status: str | None

    _fields = (Field("message", "message", (str,), True), Field("status", "status", (str,)))
