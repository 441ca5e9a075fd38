"""What every configuration section has in common."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError


class Settings(BaseModel):
    """A closed, immutable section: an unknown key is an error, never ignored; no number is NaN or infinite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, serialize_by_alias=True, allow_inf_nan=False
    )

    #: Numbers for which true and false stand as well: 1 and 0.
    switches: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, content: Any) -> Any:
        # pydantic forbids them too, but cannot say which key was meant.
        if isinstance(content, dict):
            for key in content:
                if key not in cls._keys():
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key {key}; {hint}",
                        {"key": repr(key), "hint": cls._hint(str(key))},
                    )
        return content

    @model_validator(mode="before")
    @classmethod
    def _read_yes_and_no(cls, content: Any) -> Any:
        # YAML reads an unquoted on or off as true or false, which pydantic would take for 1 or 0.
        if not isinstance(content, dict):
            return content
        read = dict(content)
        for name, field in cls.model_fields.items():
            key = field.alias or name
            if not isinstance(content.get(key), bool) or name in cls.switches:
                continue
            allowed = set(_leaves(field.annotation))
            word = "on" if content[key] else "off"
            if word in allowed:
                read[key] = word
            elif bool not in allowed and any(
                leaf in (int, float) or isinstance(leaf, int) for leaf in allowed
            ):
                raise PydanticCustomError(
                    "switch_for_number",
                    "{key}: a number belongs here, the file's value is read as {value}",
                    {"key": key, "value": str(content[key]).lower()},
                )
        return read

    @model_validator(mode="before")
    @classmethod
    def _complete_sections(cls, content: Any) -> Any:
        # A section that is given in part keeps what else suits this kind: iterations alone leave its learning rate.
        if not isinstance(content, dict):
            return content
        read = dict(content)
        for name, field in cls.model_fields.items():
            key = field.alias or name
            if isinstance(content.get(key), dict) and (suited := own_defaults(field)):
                read[key] = {**suited, **content[key]}
        return read

    @classmethod
    def _hint(cls, key: str) -> str:
        near = difflib.get_close_matches(key, cls._keys(), n=1, cutoff=0.4)
        if near:
            return f"did you mean {near[0]!r}?"
        return "known keys are " + (", ".join(cls._keys()) or "none")

    @classmethod
    def _keys(cls) -> list[str]:
        """Keys as a file has them: a key that Python reserves, such as `class`, has an alias."""
        return [field.alias or name for name, field in cls.model_fields.items()]


def own_defaults(field: FieldInfo) -> dict[str, Any]:
    """What the default of a section says beyond the defaults of its keys, such as the steps of one kind's sampler.

    Parameters
    ----------
    field : FieldInfo
        Of a section.

    Returns
    -------
    dict of str to Any
        Keys and values; empty of other fields, and where several kinds of section are possible.
    """
    kinds = [leaf for leaf in _leaves(field.annotation) if leaf is not type(None)]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if not isinstance(default, Settings) or kinds != [type(default)]:
        return {}
    return default.model_dump(mode="json", exclude_unset=True)


def _leaves(annotation: Any) -> Iterator[Any]:
    """Types and literal values that an annotation allows, less those inside lists and mappings."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        yield from arguments
    elif origin is typing.Annotated:
        yield from _leaves(arguments[0])
    elif arguments and origin not in (list, tuple, dict):
        for inner in arguments:
            yield from _leaves(inner)
    else:
        yield annotation
