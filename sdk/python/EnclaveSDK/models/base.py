"""What all models share: named fields with wire names, and their JSON form.

A model is made with keywords, by field name or wire name; unknown members of
a dict stay in ``additional_properties`` and go out again.
"""

from __future__ import annotations

import json
import pprint
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from EnclaveSDK.exceptions import ApiAttributeError, ApiTypeError, ApiValueError

M = TypeVar("M", bound="Model")


class Field(NamedTuple):
    """A field's name in Python, its name on the wire and its types (none: any JSON)."""

    name: str
    alias: str
    types: tuple[type, ...] = ()
    required: bool = False


class Model:
    """A JSON object with known fields."""

    _fields: ClassVar[tuple[Field, ...]] = ()

    def __init__(self, **values: Any) -> None:
        object.__setattr__(self, "additional_properties", {})
        for field in self._fields:
            given = [key for key in dict.fromkeys((field.name, field.alias)) if key in values]
            if len(given) > 1:
                raise ApiValueError(f"{type(self).__name__}: {given[0]} and {given[1]} are one field.")
            if field.required and (not given or values[given[0]] is None):
                raise ApiValueError(f"{type(self).__name__}: {field.alias} is required.")
            setattr(self, field.name, values.pop(given[0]) if given else None)
        self.additional_properties.update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        field = self._find(name)
        if field is None:
            if name != "additional_properties":
                raise ApiAttributeError(f"{type(self).__name__} has no field {name}.")
            object.__setattr__(self, name, value)
            return
        if value is not None and field.types and not _is_instance(value, field.types):
            wanted = " or ".join(kind.__name__ for kind in field.types)
            raise ApiValueError(
                f"{type(self).__name__}: {field.alias} must be {wanted}, not {type(value).__name__}."
            )
        object.__setattr__(self, field.name, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that are no attribute: wire names, and members that were kept.
        field = self._find(name)
        if field is not None and field.name != name:
            return getattr(self, field.name)
        kept = self.__dict__.get("additional_properties", {})
        if name in kept:
            return kept[name]
        raise ApiAttributeError(f"{type(self).__name__} has no field {name}.")

    @classmethod
    def _find(cls, name: str) -> Field | None:
        return next((field for field in cls._fields if name in (field.name, field.alias)), None)

    @classmethod
    def from_dict(cls: type[M], obj: Mapping[str, Any] | None) -> M | None:
        """A model from a dict; ``None`` stays ``None``."""
        if obj is None:
            return None
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ApiTypeError(f"{cls.__name__}.from_dict takes a dict, not {type(obj).__name__}.")
        return cls(**cls._read(dict(obj)))

    @classmethod
    def _read(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A hook for models whose members are models themselves."""
        return values

    @classmethod
    def from_json(cls: type[M], json_str: str) -> M | None:
        """A model from JSON text."""
        return cls.from_dict(json.loads(json_str))

    def to_dict(self) -> dict[str, Any]:
        """A dict with wire names, without fields that are ``None``."""
        values = {}
        for field in self._fields:
            value = getattr(self, field.name)
            if value is not None:
                values[field.alias] = _to_plain(value)
        values.update(self.additional_properties)
        return values

    def to_json(self) -> str:
        """The model as JSON text."""
        return json.dumps(self.to_dict(), allow_nan=False)

    def to_str(self) -> str:
        """The model as text for people."""
        return pprint.pformat(self.to_dict())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        members = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in self._fields)
        return f"{type(self).__name__}({members})"


def _to_plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_to_plain(member) for member in value]
    if isinstance(value, dict):
        return {key: _to_plain(member) for key, member in value.items()}
    return value


def _is_instance(value: Any, types: tuple[type, ...]) -> bool:
    """isinstance, except that a truth value is no number."""
    return isinstance(value, types) and (not isinstance(value, bool) or bool in types)
