"""Time our metrics beside the public ones, on the same inputs, in one run.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/metrics.py

Prints one line a metric: seconds of each side (median of the repetitions), their ratio, and the
largest relative difference of the results. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from synthaug.metrics import dice, frechet_distance
from synthaug.metrics.surface import average_from, hausdorff_from, surface_distances

SPACING_MM = (10.0, 1.25, 1.25)


def timed(function: Callable[[], np.ndarray], repetitions: int) -> tuple[float, np.ndarray]:
    """Median seconds of a call, and its result."""
    seconds = []
    for _ in range(repetitions):
        started = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), np.asarray(result, float)


def compare(
    name: str, ours: Callable[[], np.ndarray], theirs: Callable[[], np.ndarray], repetitions: int
) -> None:
    """Print both sides of one metric."""
    our_s, our_values = timed(ours, repetitions)
    their_s, their_values = timed(theirs, repetitions)
    difference = np.max(np.abs(our_values - their_values) / np.abs(their_values))
    print(
        f"{name}: {our_s:.3f} s against {their_s:.3f} s, {their_s / our_s:.0f} times, difference {difference:.0e}"
    )


def frechet() -> None:
    """Fréchet distance of 2 x 200 features of 2048 numbers against pytorch-fid's function."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(200, 2048)), 0.1 + 1.1 * rng.normal(size=(200, 2048))

    def theirs() -> np.ndarray:
        moments = [
            moment
            for features in (real, synthetic)
            for moment in (features.mean(axis=0), np.cov(features, rowvar=False))
        ]
        return calculate_frechet_distance(*moments)

    compare("Fréchet, n 200, d 2048, pytorch-fid", lambda: frechet_distance(real, synthetic), theirs, 1)


def surfaces() -> None:
    """Dice, HD, HD95 and ASSD of three structures in 16 x 192 x 192 against MONAI."""
    import torch
    from monai.metrics import DiceMetric, HausdorffDistanceMetric, SurfaceDistanceMetric

    masks = []
    for shift in (0, 3):
        z, y, x = np.meshgrid(np.arange(16), np.arange(192), np.arange(192), indexing="ij")
        radius = np.hypot(y - 96 - shift, x - 96) + 2 * np.abs(z - 8)
        right = (np.hypot(y - 100, x - 60 + shift) < 30) & (radius >= 38)
        masks.append(np.stack([radius < 26, (radius >= 26) & (radius < 38), right]))
    prediction, reference = masks

    def ours() -> np.ndarray:
        rows = []
        for first, second in zip(prediction, reference, strict=True):
            # As a study scores them: the distances once, three metrics from them.
            distances = surface_distances(first, second, SPACING_MM)
            values = [hausdorff_from(distances), hausdorff_from(distances, 95), average_from(distances)]
            rows.append([dice(first, second), *values])
        return np.array(rows)

    tensors = [torch.from_numpy(mask)[None] for mask in masks]

    def theirs() -> np.ndarray:
        metrics = [
            DiceMetric(include_background=True)(*tensors),
            HausdorffDistanceMetric(include_background=True)(*tensors, spacing=SPACING_MM),
            HausdorffDistanceMetric(include_background=True, percentile=95)(*tensors, spacing=SPACING_MM),
            SurfaceDistanceMetric(include_background=True, symmetric=True)(*tensors, spacing=SPACING_MM),
        ]
        return np.stack([metric.numpy()[0] for metric in metrics], axis=1)

    compare("Dice + HD + HD95 + ASSD, 3 structures, 16 x 192 x 192, MONAI", ours, theirs, 5)


if __name__ == "__main__":
    frechet()
    surfaces()
