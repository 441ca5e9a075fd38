"""What the settings of every generator have that is sampled from trained models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args

from pydantic import Field, field_validator

from synthaug.config.base import Settings


class SampledSettings(Settings):
    """What generators have in common that are sampled from trained models; a kind adds its `models`."""

    #: Whether the study samples it; the other kinds bring volumes that exist.
    sampled: ClassVar[bool] = True
    #: Kinds that may fill each role of `models`; a role that is not named takes any.
    role_kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    models: dict[str, str]
    labels: Literal["own", "pseudo"] = Field(
        "own",
        description=(
            "Masks that the arms train on: those of the generator (`own`), or `pseudo` labels by the segmenter trained "
            "on the fold's real patients, where the generator makes none; the report says so."
        ),
    )

    @field_validator("models", check_fields=False)
    @classmethod
    def _has_its_roles(cls, models: dict[str, str]) -> dict[str, str]:
        # A class from outside the package declares its roles itself.
        if cls.role_kinds and set(models) != set(cls.role_kinds):
            *others, last = cls.role_kinds
            (kind,) = get_args(cls.model_fields["kind"].annotation)
            roles = f"{', '.join(others)} and {last}"
            raise ValueError(f"{kind} has exactly the roles {roles}; name a model for each")
        return models

    @property
    def needs(self) -> dict[str, str]:
        """Models by role."""
        return self.models
