"""Paths in a study file: the home folder is expanded, and what names no file is refused in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel

_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")


def read_path(text: str) -> str:
    """A path as a user writes it, with the home folder for ``~`` and without double or last slashes.

    Parameters
    ----------
    text : str
        Absolute, below ``~`` or ``~user``, or relative to the folder that the workflow runs in.

    Raises
    ------
    ValueError
        It is empty, its user has no home folder, it names an environment variable, or has a line break.
    """
    if not text.strip():
        raise ValueError("the path is empty; name a file or folder, or leave the key out")
    if "\n" in text or "\0" in text:
        raise ValueError(f"{text!r} has a line break; write the path in one line")
    try:
        found = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{text!r}: ~ cannot be expanded, no such user has a home folder; write it out"
        ) from None
    variable = _VARIABLE.search(text)
    if variable and not found.exists():
        raise ValueError(
            f"{text!r}: environment variables such as {variable[0]} are not expanded; write the folder out"
        )
    return str(found)


def without_home(content: Any) -> Any:
    """JSON-able settings in which ``~`` stands for the home folder again, as they are written beside results.

    A home folder bears a person's name, and results are given to others. `read_path` expands it where settings are read.
    """
    if isinstance(content, Mapping):
        return {key: without_home(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_home(value) for value in content]
    try:
        home = str(Path.home()).rstrip("/")
    except RuntimeError:  # this user has none
        return content
    if home and isinstance(content, str) and (content == home or content.startswith(f"{home}/")):
        return f"~{content[len(home) :]}"
    return content


PathText = Annotated[str, AfterValidator(read_path)]


def paths_of(settings: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every path in settings and their nested settings: its key, such as ``datasets.acdc.root``, and the path."""
    if isinstance(settings, BaseModel):
        for name, field in type(settings).model_fields.items():
            value, below = getattr(settings, name), f"{key}.{name}" if key else name
            is_path = PathText in get_args(field.annotation) or get_args(PathText)[1] in field.metadata
            if is_path and value is not None:
                yield below, value
            elif not is_path:
                yield from paths_of(value, below)
    elif isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from paths_of(value, f"{key}.{name}")
