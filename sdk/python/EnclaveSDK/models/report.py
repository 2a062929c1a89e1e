"""Reports and what the API answers to them."""

from __future__ import annotations

from typing import Any

from EnclaveSDK.models.base import Field, Model


class ReportJsonSchema(Model):
    """A schema of the caller's own; any members. A room applies it beside the contract's criteria, never instead."""


class Report(Model):
    """A report to check or to post.

    ``json_data`` is a JSON value, or a string that holds base64 of JSON;
    ``status`` is ``In Progress``, ``Completed`` or ``Failed``.
    """

    json_data: Any
    json_schema: ReportJsonSchema | dict[str, Any] | None
    name: str
    status: str
    upload_location: str | None
    project: str | None
    run_configuration: str | None
    run: str | None

    _fields = (
        Field("json_data", "json_data", (), True),
        Field("json_schema", "json_schema", (ReportJsonSchema, dict)),
        Field("name", "name", (str,), True),
        Field("status", "status", (str,), True),
        Field("upload_location", "upload_location", (str,)),
        Field("project", "project", (str,)),
        Field("run_configuration", "run_configuration", (str,)),
        Field("run", "run", (str,)),
    )

    @classmethod
    def _read(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(values.get("json_schema"), dict):
            values["json_schema"] = ReportJsonSchema.from_dict(values["json_schema"])
        return values


class ValidateResponse(Model):
    """``status`` is ``successful`` or ``failed``; ``message`` names fields and their errors."""

    status: str
    message: Any

    _fields = (Field("status", "status", (str,)), Field("message", "message"))


class MessageResponse(Model):
    """What the API says after it took a report or a log line."""

    message: Any

    _fields = (Field("message", "message"),)
