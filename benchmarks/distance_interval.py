"""How often the intervals of distances and of their ratio to real-versus-real hold the expected value.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/distance_interval.py

Simulated cohorts of subjects with several correlated rows each, 24 real and 32 synthetic; the features vary less and less, and
some subjects are outliers (t with 8 degrees of freedom). What the generator does differs by setting: nothing, a shift, too
little variety. The distances are measured as a study measures them (`synthaug.measures.distances`); what should be held is
their mean over all cohorts of a setting. docs/metrics.md keeps what it printed.
"""

from __future__ import annotations

import argparse

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distances import measure_distances
from synthaug.measures.measurement import Measurement

N_REAL, N_SYNTHETIC, ROWS, FEATURES = 24, 32, 4, 12
#: Shift of the synthetic subjects along the first axis, and the scale of their variety.
SETTINGS = {"same": (0.0, 1.0), "shifted": (1.0, 1.0), "little variety": (0.0, 0.5)}


def cohort(rng: np.random.Generator, n: int, shift: float, variety: float, name: str) -> FeatureSet:
    """Features of `n` subjects: a heavy-tailed mean each, and rows around it."""
    scales = np.linspace(1, 0.2, FEATURES)
    means = variety * rng.standard_t(8, (n, 1, FEATURES)) * scales + shift * np.eye(FEATURES)[0]
    rows = means + 0.3 * variety * rng.normal(size=(n, ROWS, FEATURES)) * scales
    subjects = [f"{name}{number}" for number in range(n)]
    return FeatureSet(tuple(subjects), {"frames": list(rows)}, "made")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=200, help="simulated studies a setting")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    measurement = Measurement(settings=EvaluationSettings(splits=10))
    for setting, (shift, variety) in SETTINGS.items():
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(arguments.cohorts):
            real, made = cohort(rng, N_REAL, 0, 1, "r"), cohort(rng, N_SYNTHETIC, shift, variety, "s")
            rows = measure_distances(real, made, {"real": real.subjects}, measurement)
            for row in rows[rows["ci_low"].notna()].itertuples():
                found.setdefault(row.metric, []).append((row.value, row.ci_low, row.ci_high))
        for metric, rows in found.items():
            value, low, high = np.array(rows).T
            held = np.mean((low <= value.mean()) & (value.mean() <= high))
            print(
                f"{setting:15s} {metric:10s} {value.mean():8.3f} (SD {value.std(ddof=1):.3f}), 95 % interval "
                f"{np.mean(high - low):.3f} wide, holds it {100 * held:.1f} % of {len(rows)} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
