"""The registry: each settings class names the class that does its work.

A settings class of the package has ``implementation = "module:Class"``; the settings of a plugin take it from the
study file. The class is imported on first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import load_class


def parse(content: Mapping[str, Any], union: Any) -> Any:
    """Settings from their JSON-able content.

    Parameters
    ----------
    content : mapping
        As `model_dump` gives it or a study file has it.
    union : type
        Union of settings classes with a discriminator, such as `synthaug.config.models.ModelSettings`.

    Raises
    ------
    pydantic.ValidationError
        The content is none of them.
    """
    return TypeAdapter(union).validate_python(dict(content))


def members(union: Any, key: str = "kind") -> dict[str, type]:
    """Settings classes of a union by the value of their discriminator, in the order of the union."""
    classes = get_args(get_args(union)[0])
    return {get_args(found.model_fields[key].annotation)[0]: found for found in classes}


def reference_of(settings: Any) -> str:
    """``module:Class`` of the class that does the work of these settings.

    Raises
    ------
    SynthaugError
        Nothing is run for settings of this kind.
    """
    reference = getattr(settings, "implementation", None)
    if reference is None:
        raise SynthaugError(f"kind {settings.kind!r} has no class: its folder is used as it is; name another")
    return str(reference)


def module_of(settings: Any) -> str:
    """Dotted name of the module of `reference_of`."""
    return reference_of(settings).partition(":")[0]


def class_of(settings: Any, base: type) -> Any:
    """Import the class of these settings.

    Parameters
    ----------
    settings : Settings
        Of any registered kind.
    base : type
        What the class must be derived from.

    Raises
    ------
    SynthaugError
        As `synthaug.core.plugins.load_class`.
    """
    return load_class(reference_of(settings), base)
