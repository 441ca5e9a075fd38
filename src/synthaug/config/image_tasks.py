"""Settings of the tasks that say one thing of a whole cine: its diagnosis, or its phenotypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthaug.config.task_base import Step, StepNeeds, TaskSettings

_Extent = Annotated[int, Field(ge=1)]
_LINKED = frozenset({"method", "synthetic"})
_CLIPS = frozenset({"image_size", "frames", "slices", "patch", "patch_frames"})
_TRAINING = frozenset(
    {
        "width",
        "depth",
        "heads",
        "decoder_width",
        "decoder_depth",
        "mask_fraction",
        "order_weight",
        "pretraining_iterations",
        "pretraining_batch_size",
        "pretraining_learning_rate",
        "iterations",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "augmentation",
        "penalty",
        "trees",
    }
)


def _steps(own: set[str], scoring: str) -> dict[Step, StepNeeds]:
    """Needs of each step, where `own` are the settings of a kind that say what is predicted."""
    linked = _LINKED | own
    return {
        "plan": StepNeeds(linked | _CLIPS, ("tasks.image_level.plan",)),
        "training_set": StepNeeds(linked, ("tasks.image_level.training_set",)),
        "training": StepNeeds(linked | _TRAINING, ("tasks.image_level.train",)),
        "prediction": StepNeeds(frozenset(), ("tasks.image_level.predict",)),
        "scoring": StepNeeds(frozenset(), (f"measures.{scoring}",)),
    }


class ImageTaskSettings(TaskSettings):
    """What classification and regression have in common: network, pre-training, fine-tuning."""

    kind: str = Field(description="Kind of task.")
    synthetic: Literal["unlabelled", "labelled"] = Field(
        "unlabelled",
        description=(
            "What synthetic subjects and copies of patients are used for: `unlabelled`, pre-training only; `labelled`, "
            "fine-tuning as well, with the diagnosis or the phenotypes that they have."
        ),
    )
    method: Literal["fine_tuning", "linear_probe", "random_forest"] = Field(
        "fine_tuning",
        description=(
            "`fine_tuning` of the pre-trained encoder and a linear head; `linear_probe`, logistic or ridge regression on "
            "the frozen encoder; `random_forest` on measured phenotypes, without any network."
        ),
    )
    image_size: tuple[_Extent, _Extent] | None = Field(
        None, description="Pixels in y and x that images are resized to; empty: those of the study's grid."
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="Frames of a clip, resampled cyclically in time; empty: those of the study's grid.",
    )
    slices: int = Field(
        10,
        ge=1,
        description="Slices of a subject, evenly spaced over its stack; a shorter stack repeats some.",
    )
    patch: tuple[_Extent, _Extent] = Field((16, 16), description="Extent of a patch in pixels, y and x.")
    patch_frames: int | None = Field(
        None, ge=1, description="Frames of a patch; empty: all frames of the clip, as channels of an image."
    )
    width: int = Field(768, ge=6, description="Channels of the encoder.")
    depth: int = Field(12, ge=1, description="Transformer blocks of the encoder.")
    heads: int = Field(12, ge=1, description="Attention heads; they divide both widths.")
    decoder_width: int = Field(384, ge=6, description="Channels of the decoder, used in pre-training only.")
    decoder_depth: int = Field(4, ge=1, description="Transformer blocks of the decoder.")
    mask_fraction: float = Field(
        0.75, gt=0, lt=1, description="Fraction of the patches masked in pre-training."
    )
    order_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the cross-entropy of ordered against shuffled frames in pre-training.",
    )
    pretraining_iterations: int = Field(
        50_000,
        ge=0,
        description="Iterations of masked-autoencoder pre-training on all training cines of the arm; 0: none.",
    )
    pretraining_batch_size: int = Field(
        64, ge=1, description="Clips a batch in pre-training, one slice of a subject each."
    )
    pretraining_learning_rate: float = Field(5e-4, gt=0, description="Peak learning rate of pre-training.")
    iterations: int = Field(5_000, ge=1, description="Iterations of fine-tuning on the labelled subjects.")
    batch_size: int = Field(16, ge=1, description="Subjects a batch in fine-tuning.")
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate of fine-tuning.")
    weight_decay: float = Field(0.05, ge=0, description="Decoupled weight decay, in both parts.")
    augmentation: bool = Field(
        True,
        description=(
            "Random rotation, translation, gamma and brightness of the cines in fine-tuning, of every arm; sizes stay "
            "as they are."
        ),
    )
    penalty: float = Field(
        1.0, gt=0, description="Weight of the squared coefficients of a linear probe, features standardised."
    )
    trees: int = Field(500, ge=1, description="Trees of a random forest.")
    features: tuple[str, ...] = Field(
        (),
        description=(
            "Phenotypes that a random forest reads, names of docs/phenotypes.md or of the user's own table; empty, for "
            "classification only: all of docs/phenotypes.md."
        ),
    )

    @property
    def total_iterations(self) -> int:
        """Of pre-training and fine-tuning, as far as the method has them."""
        if self.method == "random_forest":
            return 1
        return self.pretraining_iterations + (self.iterations if self.method == "fine_tuning" else 0)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.width % self.heads or self.decoder_width % self.heads:
            raise ValueError(f"width and decoder_width must be multiples of heads ({self.heads})")
        return self

    def of_step(self, step: Step) -> dict[str, Any]:
        """As of every task; what only a task of real arms may have says so, or a step could not read it again."""
        found = super().of_step(step)
        return {**found, "arms": "real"} if self.arms == "real" and self._arms_alike else found

    @property
    def _arms_alike(self) -> bool:
        """Whether synthetic subjects are used nowhere, so that arms of one number of real patients are one."""
        return self.synthetic == "unlabelled" and (
            self.method == "random_forest" or not self.pretraining_iterations
        )

    @model_validator(mode="after")
    def _arms_differ(self) -> Self:
        # Otherwise every arm of a study would train on the same, and all differences be those of chance.
        if self.arms != "real" and self._arms_alike:
            if self.method == "random_forest":
                raise ValueError(
                    "method random_forest has no pre-training, so that all arms would be alike; set synthetic: labelled"
                )
            raise ValueError(
                "pretraining_iterations: 0 with synthetic: unlabelled leaves synthetic subjects unused; raise it or set "
                "synthetic: labelled"
            )
        if self.method == "linear_probe" and not self.pretraining_iterations:
            raise ValueError(
                "method linear_probe reads a pre-trained encoder; set pretraining_iterations above 0"
            )
        return self

    @field_validator("features")
    @classmethod
    def _features_differ(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once("features", features)


class ClassificationSettings(ImageTaskSettings):
    """Diagnosis of a subject from its cine."""

    implementation: ClassVar[str] = "synthaug.tasks.image_level.task:Classification"
    endpoints: ClassVar[tuple[str, ...] | None] = ("accuracy", "brier")
    steps: ClassVar[Mapping[Step, StepNeeds]] = _steps({"classes", "features"}, "classification_scores")

    kind: Literal["classification"] = Field(description="Kind of task.")
    primary_metric: Literal["accuracy", "brier"] = Field(
        "accuracy", description="Metric of the verdict and of the dose curves."
    )
    classes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description=(
            "Diagnosis codes by class, e.g. `{normal: [NOR], ischaemic: [MINF]}`; subjects of other diagnoses are left out "
            "and counted. Empty: each diagnosis of the fold's training patients is a class."
        ),
    )

    @property
    def reads_phenotypes(self) -> bool:
        """Whether a random forest classifies."""
        return self.method == "random_forest"

    @field_validator("classes")
    @classmethod
    def _classes_are_disjoint(cls, classes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if len(classes) == 1:
            raise ValueError(f"classes: only {next(iter(classes))!r}; name two or more, or none")
        for name, codes in classes.items():
            if name == "subject":
                raise ValueError(
                    "classes: 'subject' is a column of the predictions; give the class another name"
                )
            if not codes:
                raise ValueError(f"classes.{name}: no diagnosis code; give one or leave the class out")
        _each_once("classes", tuple(code for codes in classes.values() for code in codes))
        return classes


class RegressionSettings(ImageTaskSettings):
    """Phenotypes of a subject from its cine."""

    implementation: ClassVar[str] = "synthaug.tasks.image_level.task:Regression"
    endpoints: ClassVar[tuple[str, ...] | None] = ("absolute_error_sd",)
    steps: ClassVar[Mapping[Step, StepNeeds]] = _steps({"targets", "features"}, "regression_scores")

    kind: Literal["regression"] = Field(description="Kind of task.")
    primary_metric: Literal["absolute_error_sd"] = Field(
        "absolute_error_sd", description="Metric of the verdict and of the dose curves."
    )
    targets: tuple[str, ...] = Field(
        ("lv_edv_ml", "lv_ef", "myo_mass_g", "rv_edv_ml"),
        min_length=1,
        description="Phenotypes to predict: names of docs/phenotypes.md or of the user's own table.",
    )

    @property
    def reads_phenotypes(self) -> bool:
        """True."""
        return True

    @field_validator("targets")
    @classmethod
    def _targets_differ(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once("targets", targets)

    @model_validator(mode="after")
    def _a_forest_reads_something_else(self) -> Self:
        if self.method != "random_forest":
            return self
        if not self.features:
            raise ValueError(
                "method random_forest of a regression reads measured phenotypes; name them under features"
            )
        both = sorted(set(self.features) & set(self.targets))
        if both:
            raise ValueError(f"features: {both[0]!r} is also a target; leave it out of one of them")
        return self


def _each_once(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{key}: {name!r} appears twice; give it once")
    return names
