"""Files of the dataset, as ``GET /api/v1/data/files`` lists them."""

from __future__ import annotations

from typing import Any

from EnclaveSDK.models.base import Field, Model


class File(Model):
    """One file: ``id``, ``name`` (its path, what downloads take), ``size`` in bytes, ``upload_date``."""

    id: str
    name: str
    size: int
    upload_date: str

    _fields = (
        Field("id", "id", (str,)),
        Field("name", "name", (str,)),
        Field("size", "size", (int,)),
        Field("upload_date", "uploadDate", (str,)),
    )


class Files(Model):
    """The answer of the listing: ``files`` and ``total_files``."""

    files: list[File]
    total_files: int

    _fields = (
        Field("files", "files", (list,)),
        Field("total_files", "totalFiles", (int,)),
    )

    @classmethod
    def _read(cls, values: dict[str, Any]) -> dict[str, Any]:
        if isinstance(values.get("files"), list):
            values["files"] = [File.from_dict(entry) for entry in values["files"]]
        return values
