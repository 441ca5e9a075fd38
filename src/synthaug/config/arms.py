"""Arms of a study and the controls that come with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, model_validator

from synthaug.config.base import Settings

Control = Literal["repeated", "classical", "exposure", "mislabelled", "extra-real"]
Corruption = Literal["none", "labels", "images"]
#: Controls of the arm's size and number of iterations: copies of its real patients.
SIZE_MATCHED: tuple[Control, ...] = ("repeated", "classical")
#: Controls of the verdict. The others are references: a negative control and an upper bound.
VERDICT_CONTROLS: tuple[Control, ...] = (*SIZE_MATCHED, "exposure")

_SHARE_SCHEMA = {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]}


class ArmSettings(Settings):
    """One training set."""

    switches = ("real",)

    real: Annotated[float, Field(ge=0, le=1), WithJsonSchema(_SHARE_SCHEMA)] = Field(
        1.0,
        description=(
            "Fraction of the fold's real labelled training patients, by patient and stratified; a larger fraction "
            "contains a smaller one. 0 or `false`: none; 1 or `true`: all."
        ),
    )
    generator: str | None = Field(
        None, description="Generator whose synthetic subjects are added; none by default."
    )
    dose: float = Field(
        0.0,
        ge=0,
        le=10,
        description=(
            "Synthetic subjects added per real subject of the arm (of the fold if the arm has no real patients); each visit "
            "of a patient is a subject: 1.0 adds one per subject."
        ),
    )
    real_share: float | None = Field(
        None,
        gt=0,
        le=1,
        description=(
            "Probability that a case sampled for a batch is real, independent of the dose; without it all cases "
            "are sampled uniformly, as in nnU-Net. Controls sample real cases and their copies in the same way."
        ),
    )
    pretrain: float = Field(
        0.0,
        ge=0,
        lt=1,
        description=(
            "Fraction of the iterations, at the start, on synthetic cases only; the rest is on real cases only. "
            "0 mixes them throughout."
        ),
    )
    corruption: Corruption = Field(
        "none",
        description=(
            "Corruption of the synthetic subjects, for checks of the pipeline: `labels` gives each the mask of "
            "another one, `images` shuffles its voxels to noise of the same histogram."
        ),
    )
    controls: tuple[Control, ...] = Field(
        VERDICT_CONTROLS,
        description=(
            "Controls trained beside a real+synthetic arm. The verdict is against `repeated` (real cases repeated "
            "to the same size), `classical` (as many classically augmented copies) and `exposure` (real cases "
            "only, for as many iterations as the arm spends on them). For comparison: `mislabelled` (the arm "
            "with corruption `labels`) and `extra-real` (further real patients instead of synthetic ones; needs "
            "`real` below 1). Arms that differ in the generator alone share them, but for `mislabelled`. The report names verdict controls that are left out."
        ),
    )

    @property
    def has_controls(self) -> bool:
        """Whether it adds synthetic to real cases, so that there is something to control for."""
        return self.real > 0 and self.generator is not None

    @model_validator(mode="after")
    def _is_a_training_set(self) -> ArmSettings:
        if (self.generator is None) != (self.dose == 0):
            raise ValueError("an arm has a generator exactly when its dose is above 0; set both or neither")
        if not self.real and self.generator is None:
            raise ValueError("an arm without real patients needs a generator; set generator and dose")
        return self

    @model_validator(mode="after")
    def _switches_have_something_to_switch(self) -> ArmSettings:
        if not self.has_controls:
            for key in ("real_share", "pretrain"):
                if getattr(self, key):
                    raise ValueError(
                        f"{key} says how real and synthetic cases take turns; the arm needs both: set "
                        f"real, generator and dose, or leave {key} out"
                    )
        if self.generator is None and self.corruption != "none":
            raise ValueError("corruption is of synthetic subjects; set generator and dose, or leave it out")
        if self.real_share is not None and self.pretrain:
            raise ValueError("real_share and pretrain exclude each other; choose one")
        return self

    @model_validator(mode="after")
    def _controls_can_be_made(self) -> ArmSettings:
        if len(set(self.controls)) < len(self.controls):
            raise ValueError("controls: one appears twice; give each once")
        if "extra-real" in self.controls and self.real == 1:
            raise ValueError(
                "control extra-real adds real patients that the arm leaves out; set real below 1, e.g. 0.25"
            )
        if "extra-real" in self.controls and self.real * (1 + self.dose) > 1 + 1e-9:
            raise ValueError(
                f"control extra-real adds dose {self.dose:g} times the arm's share {self.real:g} of the real patients, and the arm "
                f"leaves {1 - self.real:g} of them out; give a dose of at most {1 / self.real - 1:g}, or leave the control out"
            )
        if "mislabelled" in self.controls and self.corruption != "none":
            raise ValueError("control mislabelled is the arm with corruption labels; leave out one of them")
        return self


@dataclass(frozen=True)
class Arm:
    """An arm to run: declared, or a control of a declared arm.

    Attributes
    ----------
    name : str
        Unique in the study; controls are named after their arm.
    real : float
        Share of the fold's real labelled training patients.
    generator : str or None
        Generator of the synthetic subjects (for a control: of the arm it controls).
    dose : float
        Extra subjects per real subject of the arm, or of the fold where `real` is 0.
    control : str or None
        Kind of a control, e.g. ``"repeated"``.
    control_of : tuple of str
        The declared arms that a control belongs to.
    real_share : float or None
        Probability that a sampled case is real; None: uniform over cases.
    pretrain : float
        Share of the iterations on what was added, before the rest on the arm's real patients.
    corruption : str
        ``"none"``, ``"labels"`` or ``"images"``: what is corrupted in the synthetic subjects.
    matched_sampling : tuple of (float or None, float)
        In a control of real exposure: `real_share` and `pretrain` of its arm, from which its iterations follow.
    """

    name: str
    real: float
    generator: str | None
    dose: float
    control: Control | None = None
    control_of: tuple[str, ...] = ()
    real_share: float | None = None
    pretrain: float = 0.0
    corruption: Corruption = "none"
    matched_sampling: tuple[float | None, float] = (None, 0.0)

    @property
    def adds_synthetic(self) -> bool:
        """Whether its training set has synthetic subjects; of the controls only `mislabelled` does."""
        return self.generator is not None and self.control in (None, "mislabelled")

    @property
    def matches_synthetic(self) -> bool:
        """Whether its size or its number of iterations follows from the synthetic subjects of another arm."""
        return self.control in (*SIZE_MATCHED, "exposure")


def resolve_arms(settings: Mapping[str, ArmSettings], brought: Collection[str] = ()) -> dict[str, Arm]:
    """Declared arms, each followed by its controls, by name.

    A control has its arm's real patients and draws from them as its arm does, with copies or further
    patients in the place of synthetic ones; `exposure` has nothing in their place.

    Arms that differ in the generator, or in the corruption, alone have the same controls. These are trained once and named
    after the first of the arms. Trained again on a processor they would be the same to the bit, and count as further
    trainings where their variation is pooled.

    Parameters
    ----------
    settings : mapping of str to ArmSettings
        Declared arms by name.
    brought : collection of str
        Generators whose subjects were not sampled here. These may lack masks, so that a control of the same dose has
        another number of cases: their arms share none.
    """
    arms: dict[str, Arm] = {}
    shared: dict[tuple[object, ...], str] = {}
    for name, settings_of_arm in settings.items():
        arm = Arm(
            name,
            settings_of_arm.real,
            settings_of_arm.generator,
            settings_of_arm.dose,
            real_share=settings_of_arm.real_share,
            pretrain=settings_of_arm.pretrain,
            corruption=settings_of_arm.corruption,
        )
        arms[name] = arm
        for control in settings_of_arm.controls if settings_of_arm.has_controls else ():
            alone = name if control == "mislabelled" else arm.generator if arm.generator in brought else None
            alike = (control, arm.real, arm.dose, arm.real_share, arm.pretrain, alone)
            first = shared.setdefault(alike, f"{name}-{control}")
            if first in arms:
                arms[first] = replace(arms[first], control_of=(*arms[first].control_of, name))
                continue
            arms[first] = replace(
                arm,
                name=first,
                control=control,
                control_of=(name,),
                real_share=None if control == "exposure" else arm.real_share,
                pretrain=0.0 if control == "exposure" else arm.pretrain,
                matched_sampling=(arm.real_share, arm.pretrain) if control == "exposure" else (None, 0.0),
                corruption="labels" if control == "mislabelled" else "none",
            )
    return arms


def reference_of(arm: Arm, arms: Iterable[Arm]) -> Arm | None:
    """The arm of the same real patients and nothing else; for an arm without real ones, of the most.

    Parameters
    ----------
    arm : Arm
        Any arm.
    arms : iterable of Arm
        All arms of the study.

    Returns
    -------
    Arm or None
        None where the study has no such arm.
    """
    baselines = [other for other in arms if other.generator is None]
    if not arm.real:
        return max(baselines, key=lambda other: other.real, default=None)
    return next((other for other in baselines if other.real == arm.real), None)


def comparisons_of(arms: Sequence[Arm]) -> list[tuple[Arm, Arm, bool]]:
    """Pairs (arm, other, whether other is a control that counts in the verdict) that are compared.

    Each arm with its controls, and each with every arm of real patients alone.
    """
    references = [arm for arm in arms if arm.real and arm.generator is None and arm.control is None]
    pairs = [
        (arm, other, other.control in VERDICT_CONTROLS)
        for arm in arms
        for other in arms
        if arm.name in other.control_of
    ]
    return pairs + [(arm, other, False) for arm in arms if arm not in references for other in references]
