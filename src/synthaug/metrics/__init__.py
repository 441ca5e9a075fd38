"""Metrics on plain arrays: features (n, d), boolean masks (z, y, x), spacing in the same order.

Every metric is imported at its first use, so that code which uses one depends on that one's module alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the table below does at run time
    from synthaug.metrics.agreement import bland_altman, pearson_correlation
    from synthaug.metrics.calibration import expected_calibration_error
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
        peak_signal_to_noise_ratio,
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
    "expected_calibration_error",
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
    "peak_signal_to_noise_ratio",
    "pearson_correlation",
    "percentile_interval",
    "similarity_between_sequences",
    "stroke_volume_ml",
    "structural_similarity",
    "wall_thickening",
    "wall_thickness_mm",
]

_MODULES = {
    "Interval": "percentile_bootstrap",
    "ManifoldScores": "manifold",
    "PeakRates": "clinical",
    "SequenceSimilarity": "similarity",
    "average_surface_distance": "surface",
    "bland_altman": "agreement",
    "bootstrap_mean_interval": "percentile_bootstrap",
    "dice": "overlap",
    "ejection_fraction": "volumes",
    "expected_calibration_error": "calibration",
    "extrapolated_frechet_distance": "extrapolation",
    "frechet_distance": "frechet",
    "frechet_from_moments": "frechet",
    "gaussian_kernel_distance": "kernel",
    "hausdorff_distance": "surface",
    "kernel_distance": "kernel",
    "manifold_scores": "manifold",
    "normalised_cross_correlation": "similarity",
    "normalised_mutual_information": "similarity",
    "normalised_surface_dice": "surfels",
    "peak_rates": "clinical",
    "peak_signal_to_noise_ratio": "similarity",
    "pearson_correlation": "agreement",
    "percentile_interval": "percentile_bootstrap",
    "similarity_between_sequences": "similarity",
    "stroke_volume_ml": "clinical",
    "structural_similarity": "similarity",
    "wall_thickening": "clinical",
    "wall_thickness_mm": "clinical",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value  # imported once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
