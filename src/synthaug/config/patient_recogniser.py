"""Settings of the network that recognises patients."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from synthaug.config.geometry import GeometrySettings
from synthaug.config.training import TrainableSettings, TrainingSettings


class PatientRecogniserSettings(TrainableSettings):
    """Contrastive embedding of the fold's real training patients, across phase, geometry and contrast."""

    implementation: ClassVar[str] = "synthaug.models.patient_recogniser:PatientRecogniser"
    least_batch: ClassVar[int] = 2

    kind: Literal["patient_recogniser"] = Field(description="Kind of model.")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64, 96), min_length=1, description="Channels after each halving of the plane."
    )
    width: int = Field(64, ge=2, description="Length of the embedding.")
    temperature: float = Field(0.1, gt=0, description="Divisor of the cosines in the contrastive loss.")
    augmentation: GeometrySettings = Field(
        GeometrySettings(shift_voxels=6, rotation_degrees=180, scale=0.15),
        description="Movements that two views of a patient differ by.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(
            iterations=1500, batch_size=16, learning_rate=2e-3, weight_decay=0.01, ema_decay=0.99
        ),
        description="Optimisation; a batch, and the share of each GPU, must have several subjects, who are told apart.",
    )
