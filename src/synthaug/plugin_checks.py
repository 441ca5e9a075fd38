"""Whether the classes that a study brings along are there, and take what it gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from synthaug.core.errors import SynthaugError
from synthaug.core.plugins import load_class

if TYPE_CHECKING:
    from synthaug.config.plugins import PluginSettings
    from synthaug.config.study import StudySettings


def check_plugins(study: StudySettings) -> None:
    """Import every class that a study brings along, and hold its options and roles against it.

    Raises
    ------
    SynthaugError
        One line a finding: the key, what is wrong, and the remedy.
    """
    findings = []
    sections: dict[str, Mapping[str, Any]] = {
        "models": study.models,
        "generators": study.generators,
        "tasks": study.tasks,
    }
    for section, entries in sections.items():
        for name, settings in entries.items():
            if settings.kind == "plugin":
                findings += [
                    f"config: {section}.{name}.{finding}" for finding in _findings(settings, section)
                ]
    if findings:
        raise SynthaugError("\n".join(findings))


def _findings(settings: Any, section: str) -> Iterator[str]:
    """What is wrong with one entry; the base classes are imported here because they import torch."""
    from synthaug.generators.base import Generator
    from synthaug.models.base import TrainableModel
    from synthaug.tasks.base import CohortSegmenter, Task

    segmenting = getattr(settings, "segmenter", False)
    bases = {
        "models": TrainableModel,
        "generators": Generator,
        "tasks": CohortSegmenter if segmenting else Task,
    }
    try:
        found: Any = load_class(settings.class_name, bases[section])
    except SynthaugError as error:
        yield str(error)
        return
    yield from _wrong_options(found, settings)
    if section != "tasks" and found.roles is not None and set(found.roles) != set(settings.needs):
        key = "models" if section == "generators" else "needs"
        yield f"{key}: {found.__name__} has the roles {', '.join(found.roles) or 'none'}; name a model for each"


def _wrong_options(found: Any, settings: PluginSettings) -> Iterator[str]:
    try:
        found.Options.model_validate(settings.options)
    except ValidationError as error:
        for finding in error.errors():
            where = ".".join(("options", *map(str, finding["loc"])))
            yield f"{where}: {finding['msg'].removeprefix('Value error, ')}"
