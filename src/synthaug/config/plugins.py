"""Settings of classes from outside the package: models, generators, extractors, readers, tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from synthaug.config.base import Settings
from synthaug.config.sampled import SampledSettings
from synthaug.config.training import TrainableSettings
from synthaug.core.plugins import plugins_in

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class ClassSettings(Settings):
    """User-supplied class, by name, with its options."""

    #: ``module:Class`` that the class must be derived from; its `Options` declare what `options` may say.
    derived_from: ClassVar[str]

    class_name: str = Field(
        alias="class",
        description=(
            "`module:Class`, found where Python looks for modules (PYTHONPATH, what is installed) or in the folder that "
            "the workflow runs in."
        ),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options, as declared by the class's `Options`; checked before anything runs.",
    )

    @property
    def implementation(self) -> str:
        """The class, for `synthaug.core.registry`."""
        return self.class_name

    @field_validator("class_name")
    @classmethod
    def _names_a_class(cls, name: str) -> str:
        if not _CLASS.fullmatch(name):
            raise ValueError(f"{name!r} is no class; give module:Class, for example toy:ToyGenerator")
        return name


class PluginSettings(ClassSettings):
    """User-supplied class, as one kind among those of the package."""

    kind: Literal["plugin"] = Field(description="Kind: user-supplied class.")


class PluginModelSettings(PluginSettings, TrainableSettings):
    """User-supplied trainable model: a class derived from `synthaug.models.base.TrainableModel`."""

    derived_from = "synthaug.models.base:TrainableModel"


class PluginGeneratorSettings(PluginSettings, SampledSettings):
    """User-supplied generator: a class derived from `synthaug.generators.base.Generator`."""

    derived_from = "synthaug.generators.base:Generator"

    models: dict[str, str] = Field(default_factory=dict, description="Models of the class's roles, by name.")


def plugin_modules(settings: Settings) -> list[str]:
    """Modules of all classes that settings bring along, trainers and planners of nnU-Net included; sorted."""
    references = plugins_in(settings.model_dump(mode="json", by_alias=True))
    return sorted({reference.partition(":")[0] for reference in references})


def plugins_of(settings: Settings) -> Iterator[tuple[str, ClassSettings]]:
    """Every user-supplied class in settings and their nested settings.

    Yields
    ------
    str
        Its key, such as ``models.palette``.
    ClassSettings
        Its settings.
    """
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        for key, entry in value.items() if isinstance(value, dict) else [(None, value)]:
            where = name if key is None else f"{name}.{key}"
            if isinstance(entry, ClassSettings):
                yield where, entry
            if isinstance(entry, Settings):
                yield from ((f"{where}.{below}", found) for below, found in plugins_of(entry))
