"""Metrics on plain arrays: features (n, d), boolean masks (z, y, x), spacing in the same order."""

from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.clinical import (
    PeakRates,
    peak_rates,
    stroke_volume_ml,
    wall_thickening,
    wall_thickness_mm,
)
from synthaug.metrics.extrapolation import extrapolated_frechet_distance
from synthaug.metrics.frechet import frechet_distance, frechet_from_moments
from synthaug.metrics.kernel import gaussian_kernel_distance, kernel_distance
from synthaug.metrics.manifold import ManifoldScores, manifold_scores
from synthaug.metrics.overlap import dice
from synthaug.metrics.percentile_bootstrap import Interval, bootstrap_mean_interval, percentile_interval
from synthaug.metrics.similarity import (
    SequenceSimilarity,
    normalised_cross_correlation,
    normalised_mutual_information,
    similarity_between_sequences,
    structural_similarity,
)
from synthaug.metrics.surface import average_surface_distance, hausdorff_distance
from synthaug.metrics.surfels import normalised_surface_dice
from synthaug.metrics.volumes import ejection_fraction

__all__ = [
    "Interval",
    "ManifoldScores",
    "PeakRates",
    "SequenceSimilarity",
    "average_surface_distance",
    "bland_altman",
    "bootstrap_mean_interval",
    "dice",
    "ejection_fraction",
    "extrapolated_frechet_distance",
    "frechet_distance",
    "frechet_from_moments",
    "gaussian_kernel_distance",
    "hausdorff_distance",
    "kernel_distance",
    "manifold_scores",
    "normalised_cross_correlation",
    "normalised_mutual_information",
    "normalised_surface_dice",
    "peak_rates",
    "pearson_correlation",
    "percentile_interval",
    "similarity_between_sequences",
    "stroke_volume_ml",
    "structural_similarity",
    "wall_thickening",
    "wall_thickness_mm",
]
