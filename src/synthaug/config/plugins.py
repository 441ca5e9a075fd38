"""Settings of classes from outside the package: models, generators, extractors, readers, tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from synthaug.config.base import Settings
from synthaug.config.sampled import SampledSettings
from synthaug.config.training import TrainableSettings

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class ClassSettings(Settings):
    """A class of your own, by name; what it takes besides lies in its options."""

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
        description="What the class's own `Options` declare; checked before anything runs.",
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
    """A class of your own where the package's own are told apart by their kind."""

    kind: Literal["plugin"] = Field(description="Kind: a class of your own.")


class PluginModelSettings(PluginSettings, TrainableSettings):
    """A trainable model of your own: a class derived from `synthaug.models.base.TrainableModel`."""

    derived_from = "synthaug.models.base:TrainableModel"


class PluginGeneratorSettings(PluginSettings, SampledSettings):
    """A generator of your own: a class derived from `synthaug.generators.base.Generator`."""

    derived_from = "synthaug.generators.base:Generator"

    models: dict[str, str] = Field(
        default_factory=dict, description="Models of the roles that the class asks for, by name."
    )


def plugins_of(settings: Settings) -> Iterator[tuple[str, ClassSettings]]:
    """Every class that settings, and the settings within them, bring along.

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
