"""Metrics on plain arrays: features (n, d), boolean masks (z, y, x), spacing in the same order."""

from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.frechet import frechet_distance, frechet_from_moments
from synthaug.metrics.kernel import kernel_distance
from synthaug.metrics.overlap import dice
from synthaug.metrics.surface import average_surface_distance, hausdorff_distance
from synthaug.volumes import ejection_fraction

__all__ = [
    "average_surface_distance",
    "bland_altman",
    "dice",
    "ejection_fraction",
    "frechet_distance",
    "frechet_from_moments",
    "hausdorff_distance",
    "kernel_distance",
    "pearson_correlation",
]
