"""Settings of the downstream tasks, shared by all arms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.endpoints import Endpoint
from synthaug.config.plugins import PluginSettings
from synthaug.core.registry import module_of

#: Steps of a task, each a job of its own.
Step = Literal["plan", "training_set", "training", "validation", "prediction", "scoring", "labelling"]
_NNUNET_CLASS = re.compile(r"([^\W\d]\w*(\.[^\W\d]\w*)*:)?[^\W\d]\w*")


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

    #: Keys that no step depends on: they say how often a task is trained and how its scores are tested.
    outside: ClassVar[frozenset[str]] = frozenset({"training_seeds", "arms", "primary_metric", "family"})

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

    def of_step(self, step: Step) -> dict[str, Any]:
        """The settings that a step depends on, as JSON."""
        kept = {"kind", *self.steps[step].settings} if step in self.steps else None
        return self.model_dump(mode="json", by_alias=True, include=kept, exclude=set(self.outside))

    def modules_of_step(self, step: Step) -> list[str]:
        """Dotted names of the modules that a step depends on, besides what those import."""
        if step not in self.steps:
            return [module_of(self)]
        return [f"synthaug.{module}" for module in self.steps[step].modules]


class SegmentationSettings(TaskSettings):
    """nnU-Net, the same for every arm of a study."""

    implementation: ClassVar[str] = "synthaug.tasks.segmentation.task:Segmentation"
    steps: ClassVar[Mapping[Step, StepNeeds]] = {
        "plan": StepNeeds(
            frozenset({"configuration", "planner", "batch_size", "base_features", "gpu_memory_gb"}),
            ("tasks.segmentation.training_set", "tasks.segmentation.plan"),
        ),
        "training_set": StepNeeds(
            frozenset({"configuration", "frames"}),
            ("tasks.segmentation.training_set", "tasks.segmentation.preprocess"),
        ),
        "training": StepNeeds(
            frozenset(
                {
                    "configuration",
                    "trainer",
                    "iterations",
                    "epoch_iterations",
                    "validation_iterations",
                    "learning_rate",
                    "momentum",
                }
            ),
            ("tasks.segmentation.train",),
        ),
        "validation": StepNeeds(frozenset({"mirroring", "postprocessing"}), ("tasks.segmentation.validate",)),
        "prediction": StepNeeds(frozenset({"mirroring"}), ("tasks.segmentation.predict",)),
        "scoring": StepNeeds(frozenset(), ("measures.scoring",)),
        "labelling": StepNeeds(
            frozenset({"mirroring"}), ("tasks.segmentation.predict", "tasks.segmentation.pseudo_labels")
        ),
    }

    kind: Literal["segmentation"] = Field("segmentation", description="Kind of task.")
    configuration: Literal["2d", "3d_fullres"] = Field(
        "2d", description="nnU-Net configuration: slice by slice, or whole stacks at full resolution."
    )
    planner: str = Field(
        "ExperimentPlanner",
        description=(
            "Class that plans patch size and network: a planner of nnU-Net by name, e.g. `nnUNetPlannerResEncM`, or "
            "`module:Class`."
        ),
    )
    trainer: str = Field(
        "nnUNetTrainer",
        description=(
            "Class that trains: a trainer of nnU-Net by name, e.g. `nnUNetTrainerDA5`, or `module:Class`. The study "
            "sets its iterations, learning rate, momentum, seeds and sampling."
        ),
    )
    iterations: int = Field(
        250_000,
        ge=1,
        description="Training iterations of every arm, whatever its number of cases; nnU-Net does 250000.",
    )
    epoch_iterations: int = Field(
        250,
        ge=1,
        description=(
            "Iterations between two validations, steps of the learning rate and possible checkpoints; "
            "`iterations` must be a multiple of it."
        ),
    )
    validation_iterations: int = Field(
        50,
        ge=1,
        description="Batches of real validation patients seen after every epoch; for the curves only.",
    )
    batch_size: int | None = Field(
        None, ge=2, description="Slices (2d) or stacks (3d_fullres) a batch; empty lets nnU-Net plan it."
    )
    base_features: int = Field(
        32,
        ge=4,
        le=128,
        description="Feature maps at full resolution, doubled at every level; nnU-Net's own are 32.",
    )
    gpu_memory_gb: float = Field(
        8.0, gt=0, description="GPU memory in GB that nnU-Net plans patch and batch size for."
    )
    learning_rate: float = Field(
        0.01, gt=0, le=1, description="Initial learning rate; it decays polynomially to 0."
    )
    momentum: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="Nesterov momentum; nnU-Net's 0.99 needs thousands of iterations, 0.9 a few hundred.",
    )
    frames: Literal["ed_es", "all"] = Field(
        "ed_es",
        description="Frames of a synthetic subject that become training cases; real patients give ED and ES.",
    )
    mirroring: bool = Field(
        True,
        description="Average predictions over mirrored copies, as nnU-Net does; 4 (2d) or 8 times the time.",
    )
    postprocessing: Literal["validation", "none"] = Field(
        "validation",
        description=(
            "Removal of all but the largest connected component, as nnU-Net does: decided for each training on its "
            "validation patients, or none."
        ),
    )

    @property
    def segments(self) -> bool:
        """True."""
        return True

    @property
    def validates(self) -> bool:
        """Whether a post-processing is decided."""
        return self.postprocessing == "validation"

    @field_validator("planner", "trainer")
    @classmethod
    def _names_a_class(cls, name: str) -> str:
        if not _NNUNET_CLASS.fullmatch(name):
            raise ValueError(f"{name!r} is no class; give the name of a class of nnU-Net, or module:Class")
        return name

    @model_validator(mode="after")
    def _epochs_are_whole(self) -> SegmentationSettings:
        if self.iterations % self.epoch_iterations:
            raise ValueError(
                f"iterations ({self.iterations}) must be a multiple of epoch_iterations "
                f"({self.epoch_iterations}); change one of them"
            )
        return self


class PluginTaskSettings(PluginSettings, TaskSettings):
    """User-supplied task: a class derived from `synthaug.tasks.base.Task`."""

    derived_from: ClassVar[str] = "synthaug.tasks.base:Task"

    segmenter: bool = Field(
        False,
        description=(
            "The class is derived from `synthaug.tasks.base.CohortSegmenter`: it writes pseudo labels and measures "
            "synthetic cines."
        ),
    )

    @property
    def segments(self) -> bool:
        """As declared."""
        return self.segmenter


AnyTaskSettings = Annotated[SegmentationSettings | PluginTaskSettings, Field(discriminator="kind")]
