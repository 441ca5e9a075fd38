"""Random geometry of training cines."""

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
