"""What the settings of every downstream task have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from synthaug.config.base import Settings
from synthaug.config.endpoints import Endpoint
from synthaug.core.registry import module_of

#: Steps of a task, each a job of its own.
Step = Literal["plan", "training_set", "training", "validation", "prediction", "scoring", "labelling"]


class StepNeeds(NamedTuple):
    """What a step of a task depends on: changing anything else does not run it again.

    Attributes
    ----------
    settings : frozenset of str
        Names of settings.
    modules : tuple of str
        Modules below `synthaug` that the step imports.
    """

    settings: frozenset[str]
    modules: tuple[str, ...]


class TaskSettings(Settings):
    """What every task has."""

    #: What each step depends on; a step that is not named depends on all settings but those `outside`, and on
    #: all that the class of the task imports.
    steps: ClassVar[Mapping[Step, StepNeeds]] = {}
    #: Keys that no step depends on: they say how often a task is trained and saved, and how its scores are tested.
    outside: ClassVar[frozenset[str]] = frozenset(
        {"training_seeds", "arms", "primary_metric", "family", "checkpoint_minutes"}
    )
    #: Metrics of its scores that a verdict can rest on; None where only a class from outside knows.
    endpoints: ClassVar[tuple[str, ...] | None] = None

    training_seeds: tuple[int, ...] = Field(
        (0, 1, 2), min_length=1, description="Training seeds; every arm is trained once with each."
    )
    arms: Literal["all", "real"] = Field(
        "all",
        description=(
            "Arms that the task is trained on: all, or only those of real patients alone, for a baseline that synthetic "
            "data cannot reach."
        ),
    )
    primary_metric: Endpoint = Field("dice", description="Metric of the verdict and of the dose curves.")
    family: tuple[Endpoint, ...] | None = Field(
        None,
        description=(
            "Metrics whose comparisons with the size-matched controls enter the family that Holm's correction covers, "
            "over all tasks together. null: the primary metric; empty: none, all comparisons of this task are "
            "exploratory, with unadjusted p-values."
        ),
    )

    checkpoint_minutes: float = Field(
        10.0,
        gt=0,
        description="Minutes of a training between two checkpoints to resume from: what a hard kill costs at most. A "
        "signal to stop is always answered with one.",
    )

    @property
    def declared_family(self) -> tuple[str, ...]:
        """Metrics in the declared family; the primary metric where the study names none."""
        return (self.primary_metric,) if self.family is None else self.family

    @model_validator(mode="after")
    def _training_seeds_differ(self) -> TaskSettings:
        if len(set(self.training_seeds)) < len(self.training_seeds):
            raise ValueError("training_seeds: a seed appears twice; give each once")
        return self

    @model_validator(mode="after")
    def _tests_what_it_scores(self) -> TaskSettings:
        known = self.endpoints
        for key, metrics in (("primary_metric", (self.primary_metric,)), ("family", self.family or ())):
            for metric in metrics:
                if known is not None and metric not in known:
                    raise ValueError(
                        f"{key}: the scores of this kind of task have no {metric}; choose among {', '.join(known)}"
                    )
        return self

    @model_validator(mode="after")
    def _no_family_without_comparisons(self) -> TaskSettings:
        if self.arms == "real" and self.family:
            raise ValueError(
                "family: the task is trained on real arms only and compares none; leave family out"
            )
        return self

    @property
    def segments(self) -> bool:
        """Whether the task segments cines, and so may label them and measure synthetic ones."""
        return False

    @property
    def validates(self) -> bool:
        """Whether validation patients decide after each training what is applied to its predictions."""
        return False

    @property
    def reads_phenotypes(self) -> bool:
        """Whether the cohorts must come with the phenotypes of their subjects."""
        return False

    @property
    def total_iterations(self) -> int:
        """Optimiser steps of a training, by which its time grows; 1 where there are none, or nobody knows."""
        return 1

    def of_step(self, step: Step) -> dict[str, Any]:
        """The settings that a step depends on, as JSON."""
        kept = {"kind", *self.steps[step].settings} if step in self.steps else None
        return self.model_dump(mode="json", by_alias=True, include=kept, exclude=set(self.outside))

    def modules_of_step(self, step: Step) -> list[str]:
        """Dotted names of the modules that a step depends on, besides what those import."""
        if step not in self.steps:
            return [module_of(self)]
        return [f"synthaug.{module}" for module in self.steps[step].modules]
