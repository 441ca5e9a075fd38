"""Metrics on plain arrays: features (n, d), boolean masks (z, y, x), spacing in the same order."""

from synthaug.metrics.clinical import (
    bland_altman,
    ejection_fraction,
    myocardial_mass_g,
    pearson_correlation,
    volume_ml,
)
from synthaug.metrics.frechet import frechet_distance, frechet_from_moments
from synthaug.metrics.kernel import kernel_distance
from synthaug.metrics.overlap import dice
from synthaug.metrics.surface import average_surface_distance, hausdorff_distance

__all__ = [
    "average_surface_distance",
    "bland_altman",
    "dice",
    "ejection_fraction",
    "frechet_distance",
    "frechet_from_moments",
    "hausdorff_distance",
    "kernel_distance",
    "myocardial_mass_g",
    "pearson_correlation",
    "volume_ml",
]
