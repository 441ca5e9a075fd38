"""Metrics on plain arrays: features (n, d), boolean masks (z, y, x), spacing in the same order."""

from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.extrapolation import extrapolated_frechet_distance
from synthaug.metrics.frechet import frechet_distance, frechet_from_moments
from synthaug.metrics.kernel import gaussian_kernel_distance, kernel_distance
from synthaug.metrics.manifold import ManifoldScores, manifold_scores
from synthaug.metrics.overlap import dice
from synthaug.metrics.surface import average_surface_distance, hausdorff_distance
from synthaug.metrics.surfels import normalised_surface_dice
from synthaug.volumes import ejection_fraction

__all__ = [
    "ManifoldScores",
    "average_surface_distance",
    "bland_altman",
    "dice",
    "ejection_fraction",
    "extrapolated_frechet_distance",
    "frechet_distance",
    "frechet_from_moments",
    "gaussian_kernel_distance",
    "hausdorff_distance",
    "kernel_distance",
    "manifold_scores",
    "normalised_surface_dice",
    "pearson_correlation",
]
