"""Time and peak memory of KID and of the manifold scores at 10,000 synthetic subjects, with and without the cap.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/large_cohort.py

Random features of 100 real and many synthetic subjects, four rows each; each case runs in a process of its own and
prints one line. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import random_splits
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import subject_distance
from synthaug.measures.synthetic_sample import sample_synthetic
from synthaug.metrics.split_jackknife import split_jackknife

REAL, SYNTHETIC, ROWS, FEATURES, CAP = 100, 10_000, 4, 32, 2000
CASES = ("kid without cap", "kid", "fidelity without cap", "fidelity")


def cohort(n: int, seed: int) -> FeatureSet:
    """Features of `n` subjects."""
    rows = list(np.random.default_rng(seed).normal(size=(n, ROWS, FEATURES)))
    kinds = dict.fromkeys(("frames", "temporal", "spatial"), rows)
    return FeatureSet(tuple(f"{seed}-{number}" for number in range(n)), kinds, "made")


def measure(case: str) -> None:
    """Run one case and print its line."""
    capped = not case.endswith("cap")
    settings = EvaluationSettings(max_synthetic_subjects=CAP if capped else SYNTHETIC)
    real, synthetic = cohort(REAL, 0), cohort(SYNTHETIC, 1)
    started = time.perf_counter()
    if case.startswith("kid"):
        sample, _ = sample_synthetic(synthetic, settings)
        distance = subject_distance("kid", real.features["frames"], sample.features["frames"])
        splits = random_splits(REAL // 2, real.units(), settings, sample.units())
        split_jackknife(
            lambda split: (distance(split[0], split[2]),), lambda means: means, splits, (0, 0, 1), 0.95
        )
    else:
        measure_fidelity(real, synthetic, real.subjects, Measurement(settings=settings))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{case}: {seconds:.1f} s, peak {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(sys.argv[1])
    else:
        for name in CASES:
            subprocess.run([sys.executable, __file__, name], check=True)
