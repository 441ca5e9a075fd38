"""What every configuration section has in common."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Settings(BaseModel):
    """A closed, immutable section: an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, serialize_by_alias=True)

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
