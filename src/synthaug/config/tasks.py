"""Settings of the downstream tasks, shared by all arms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.image_tasks import ClassificationSettings, RegressionSettings
from synthaug.config.plugins import PluginSettings
from synthaug.config.task_base import Step, StepNeeds, TaskSettings

#: Steps that build the network of the trainer.
_NETWORK: tuple[Step, ...] = ("training", "validation", "prediction", "labelling")
_NNUNET_CLASS = re.compile(r"([^\W\d]\w*(\.[^\W\d]\w*)*:)?[^\W\d]\w*")


class SegmentationSettings(TaskSettings):
    """nnU-Net, the same for every arm of a study."""

    implementation: ClassVar[str] = "synthaug.tasks.segmentation.task:Segmentation"
    endpoints: ClassVar[tuple[str, ...] | None] = ("dice", "hd95", "hd", "assd", "nsd")
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
                    "ensemble_folds",
                    "trainer",
                    "iterations",
                    "epoch_iterations",
                    "validation_iterations",
                    "learning_rate",
                    "momentum",
                    "compile",
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
    configuration: Literal["2d", "3d_fullres", "2d+3d_fullres"] = Field(
        "2d",
        description=(
            "nnU-Net configuration: slice by slice, whole stacks at full resolution, or a network of each, whose "
            "probabilities are averaged."
        ),
    )
    ensemble_folds: int = Field(
        1,
        ge=1,
        le=10,
        description=(
            "Networks of each configuration. Each of several trains without another share of the arm's own real "
            "subjects, and their logits are averaged (nnU-Net has 5); 1: one network, trained on all."
        ),
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
    compile: Literal["auto", "off", "on"] = Field(
        "auto",
        description=(
            "Compile the network (`torch.compile`) on a GPU; `auto`: where there are triton and a C compiler. "
            "`nnUNet_compile` of the environment does not count."
        ),
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

    def modules_of_step(self, step: Step) -> list[str]:
        """As of every task, and the module of a planner or trainer from outside nnU-Net, which steps import by name."""
        named = {"plan": self.planner, **dict.fromkeys(_NETWORK, self.trainer)}.get(step, "")
        module, colon, _ = named.partition(":")
        return [*super().modules_of_step(step), *([module] if colon else [])]

    @property
    def segments(self) -> bool:
        """True."""
        return True

    @property
    def validates(self) -> bool:
        """Whether a post-processing is decided."""
        return self.postprocessing == "validation"

    @property
    def total_iterations(self) -> int:
        """`iterations` of every network."""
        return self.iterations * self.ensemble_folds * len(self.configurations)

    @property
    def configurations(self) -> tuple[str, ...]:
        """nnU-Net's configurations that are trained."""
        return tuple(self.configuration.split("+"))

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

    phenotypes: bool = Field(
        False,
        description="Give the class cohorts with the phenotypes of their subjects (`Cohort.phenotypes`).",
    )

    @property
    def segments(self) -> bool:
        """As declared."""
        return self.segmenter

    @property
    def reads_phenotypes(self) -> bool:
        """As declared."""
        return self.phenotypes


AnyTaskSettings = Annotated[
    SegmentationSettings | ClassificationSettings | RegressionSettings | PluginTaskSettings,
    Field(discriminator="kind"),
]
