"""Settings of the segmenter: nnU-Net, planned once and trained alike for every arm."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from synthaug.config.base import Settings


class SegmentationSettings(Settings):
    """nnU-Net, the same for every arm of a study."""

    configuration: Literal["2d", "3d_fullres"] = Field(
        "2d", description="nnU-Net configuration: slice by slice, or whole stacks at full resolution."
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
        description="Nesterov momentum; nnU-Net's 0.99 wants thousands of iterations, 0.9 a few hundred.",
    )
    frames: Literal["ed_es", "all"] = Field(
        "ed_es",
        description="Frames of a synthetic subject that become training cases; real patients give ED and ES.",
    )
    mirroring: bool = Field(
        True,
        description="Average predictions over mirrored copies, as nnU-Net does; 4 (2d) or 8 times the time.",
    )
    training_seeds: tuple[int, ...] = Field(
        (0, 1, 2), min_length=1, description="Training seeds; every arm is trained once with each."
    )

    @model_validator(mode="after")
    def _epochs_are_whole(self) -> SegmentationSettings:
        if self.iterations % self.epoch_iterations:
            raise ValueError(
                f"iterations ({self.iterations}) must be a multiple of epoch_iterations "
                f"({self.epoch_iterations}); change one of them"
            )
        if len(set(self.training_seeds)) < len(self.training_seeds):
            raise ValueError("training_seeds: a seed appears twice; give each once")
        return self

    @classmethod
    def plan_fields(cls) -> set[str]:
        """Fields that the plan depends on; changing another does not plan again."""
        return {"configuration", "batch_size", "base_features", "gpu_memory_gb"}

    @classmethod
    def training_fields(cls) -> set[str]:
        """Fields that training depends on besides the plan."""
        return {
            "configuration",
            "iterations",
            "epoch_iterations",
            "validation_iterations",
            "learning_rate",
            "momentum",
        }
