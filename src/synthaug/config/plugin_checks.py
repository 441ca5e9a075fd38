"""Checks of user-supplied classes: importable, right base class, valid options and roles."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from synthaug.config.base import Settings
from synthaug.config.plugins import ClassSettings, plugins_of
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of


def check_plugins(study: Settings) -> None:
    """Import every user-supplied class of a study and check its options and roles.

    Models, generators, extractors, readers and tasks.

    Raises
    ------
    SynthaugError
        One line a finding: the key, what is wrong, and the remedy.
    """
    findings = [
        f"config: {where}.{finding}"
        for where, settings in plugins_of(study)
        for finding in check_plugin(settings)
    ]
    if findings:
        raise SynthaugError("\n".join(findings))


def check_plugin(settings: ClassSettings) -> Iterator[str]:
    """What is wrong with one class, each beginning with the key below its entry."""
    module, _, name = settings.derived_from.partition(":")
    base = getattr(importlib.import_module(module), name)
    try:
        found = class_of(settings, base)
    except SynthaugError as error:
        yield str(error)
        return
    yield from _wrong_options(found, settings)
    needs, roles = getattr(settings, "needs", None), getattr(found, "roles", None)
    if roles is not None and needs is not None and set(roles) != set(needs):
        key = "models" if "models" in type(settings).model_fields else "needs"
        yield f"{key}: {found.__name__} has the roles {', '.join(roles) or 'none'}; name a model for each"


def _wrong_options(found: Any, settings: ClassSettings) -> Iterator[str]:
    try:
        found.Options.model_validate(settings.options)
    except ValidationError as error:
        for finding in error.errors():
            where = ".".join(("options", *map(str, finding["loc"])))
            yield f"{where}: {finding['msg'].removeprefix('Value error, ')}"
