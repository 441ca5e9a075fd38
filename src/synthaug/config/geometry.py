"""Random changes of training cines."""

from __future__ import annotations

from pydantic import Field, field_validator

from synthaug.config.base import Settings


class GeometrySettings(Settings):
    """Random in-plane geometry of training cines; never a mirror image, which is another anatomy."""

    shift_voxels: float = Field(3.0, ge=0, description="Largest in-plane shift, in voxels; keeps volumes.")
    rotation_degrees: float = Field(
        10.0,
        ge=0,
        le=180,
        description="Largest in-plane rotation, on square pixels; keeps volumes and shapes.",
    )
    scale: float = Field(
        0.09, ge=0, lt=0.5, description="Largest relative in-plane scaling; volumes scale with its square."
    )


class RadialDeformationSettings(Settings):
    """Random radial deformation of labelled frames: walls and cavities that the labelled patients do not have."""

    probability: float = Field(0.8, ge=0, le=1, description="How often a labelled frame is deformed.")
    cavity: tuple[float, float] = Field(
        (0.35, 1.15), description="Least and greatest radius of the LV cavity over its own."
    )
    outline: tuple[float, float] = Field(
        (0.75, 1.15),
        description="Least and greatest radius of the outer border of the myocardium over its own.",
    )

    @field_validator("cavity", "outline")
    @classmethod
    def _limits_are_in_order(cls, limits: tuple[float, float]) -> tuple[float, float]:
        low, high = limits
        if not 0 < low <= high <= 2:
            raise ValueError(f"{low:g} to {high:g}: give the smaller first, both above 0 and at most 2")
        return limits


class ConsistencySettings(Settings):
    """Consistency of the masks of frames without labels: predictions of the frame are the truth of the changed frame."""

    weight: float = Field(1.0, gt=0, description="Weight beside the loss of labelled masks.")
    confidence: float = Field(
        0.9, ge=0, lt=1, description="Least probability of a voxel's label for which it is a truth."
    )
    late_from: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Fraction of the training after which the weight rises, over a tenth of it: early masks are no truth.",
    )
    geometry: GeometrySettings = Field(
        GeometrySettings(shift_voxels=6.0, rotation_degrees=45.0, scale=0.2),
        description="Random geometry of the changed frame, beside that of training frames.",
    )
    contrast: float = Field(
        1.5,
        ge=1,
        description="Largest exponent of the changed frame's intensities in [0, 1]; the least is its inverse.",
    )
