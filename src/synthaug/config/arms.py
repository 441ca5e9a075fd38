"""Arms of a study and the controls that come with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from synthaug.config.base import Settings

Control = Literal["repeated", "classical"]
#: Controls that an arm must beat for a verdict, and whose comparisons form the declared family.
VERDICT_CONTROLS: tuple[str, ...] = ("repeated", "classical")


class ArmSettings(Settings):
    """One training set for the segmenter."""

    real: bool = Field(True, description="Train on the fold's real labelled training patients.")
    generator: str | None = Field(
        None, description="Generator whose synthetic subjects are added; none by default."
    )
    dose: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Synthetic subjects added per real labelled training patient: 1.0 adds as many as there are.",
    )
    controls: tuple[Control, ...] = Field(
        ("repeated", "classical"),
        description=(
            "Size-matched controls trained beside a real+synthetic arm: `repeated` (real cases repeated to the "
            "same size) and `classical` (as many classically augmented copies). Leaving one out is reported."
        ),
    )

    @model_validator(mode="after")
    def _is_a_training_set(self) -> ArmSettings:
        if (self.generator is None) != (self.dose == 0):
            raise ValueError("an arm has a generator exactly when its dose is above 0; set both or neither")
        if not self.real and self.generator is None:
            raise ValueError("an arm without real patients needs a generator; set generator and dose")
        return self


@dataclass(frozen=True)
class Arm:
    """An arm to run: declared, or a control that a declared arm brought along.

    Attributes
    ----------
    name : str
        Unique in the study; controls are named after their arm.
    real : bool
        Whether real labelled training patients are in it.
    generator : str or None
        Generator of the synthetic subjects (for a control: of the arm it controls).
    dose : float
        Extra subjects per real labelled training patient.
    control : str or None
        ``"repeated"`` or ``"classical"`` for a control.
    control_of : str or None
        The declared arm that a control belongs to.
    """

    name: str
    real: bool
    generator: str | None
    dose: float
    control: Control | None = None
    control_of: str | None = None


def resolve_arms(settings: Mapping[str, ArmSettings]) -> dict[str, Arm]:
    """Declared arms followed by the controls they bring, by name."""
    arms: dict[str, Arm] = {}
    for name, arm in settings.items():
        arms[name] = Arm(name, arm.real, arm.generator, arm.dose)
        if arm.real and arm.generator:
            for control in arm.controls:
                arms[f"{name}-{control}"] = Arm(
                    f"{name}-{control}", True, arm.generator, arm.dose, control, control_of=name
                )
    return arms
