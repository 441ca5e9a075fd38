"""Settings of models and generators whose class lies outside the package."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from synthaug.config.base import Settings
from synthaug.config.sampled import SampledSettings
from synthaug.config.training import TrainableSettings

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class PluginSettings(Settings):
    """A class of your own, by name; what it takes besides lies in its options."""

    kind: Literal["plugin"] = Field(description="Kind of model or generator.")
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

    @field_validator("class_name")
    @classmethod
    def _names_a_class(cls, name: str) -> str:
        if not _CLASS.fullmatch(name):
            raise ValueError(f"{name!r} is no class; give module:Class, for example toy:ToyGenerator")
        return name


class PluginModelSettings(PluginSettings, TrainableSettings):
    """A trainable model of your own: a class derived from `synthaug.models.base.TrainableModel`."""


class PluginGeneratorSettings(PluginSettings, SampledSettings):
    """A generator of your own: a class derived from `synthaug.generators.base.Generator`."""

    models: dict[str, str] = Field(
        default_factory=dict, description="Models of the roles that the class asks for, by name."
    )
