"""Random geometry of training cines."""

from __future__ import annotations

from pydantic import Field

from synthaug.config.base import Settings


class GeometrySettings(Settings):
    """Random in-plane geometry of training cines; never a mirror image, which is another anatomy."""

    shift_voxels: float = Field(3.0, ge=0, description="Largest in-plane shift, in voxels; keeps volumes.")
    rotation_degrees: float = Field(
        10.0, ge=0, le=180, description="Largest in-plane rotation; keeps volumes."
    )
    scale: float = Field(
        0.09, ge=0, lt=0.5, description="Largest relative in-plane scaling; volumes scale with its square."
    )
