"""How often the interval of a ratio of two generators' distances holds it, and what pairing and patients change.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/generator_interval.py

Simulated studies of 24 real patients with one or four visits each and 32 synthetic subjects of two generators. A
subject has several cines' rows of features around its own mean; means are heavy-tailed (t with 5 degrees of freedom)
and skewed, visits are alike. The generators shift the mean and lack variety. The ratio is taken as a study does
(`synthaug.measures.generator_comparison`); what should be held is its mean over all studies of a setting. With
visits, a second line treats each visit as a patient. docs/metrics.md keeps what it printed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.generator_comparison import compare_generators
from synthaug.measures.measurement import Measurement

PATIENTS, SYNTHETIC, ROWS, FEATURES = 24, 32, 4, 8
#: Shift along the first axis and variety of the first and of the second generator; visits of a real patient.
SETTINGS = {
    "equal generators": ((0.5, 1.0), (0.5, 1.0), 1),
    "nearer generator": ((0.5, 1.0), (1.5, 0.8), 1),
    "nearer, four visits": ((0.5, 1.0), (1.5, 0.8), 4),
}


def cohort(
    rng: np.random.Generator, n: int, visits: int, shift: float, variety: float, name: str
) -> FeatureSet:
    """Features of `n` patients with as many visits each."""
    scales = np.linspace(1, 0.2, FEATURES)
    patients = rng.standard_t(5, (n, 1, FEATURES)) + 0.3 * rng.exponential(size=(n, 1, 1))
    means = np.repeat(patients, visits, axis=0) + 0.2 * rng.normal(size=(n * visits, 1, FEATURES))
    rows = variety * scales * (means + 0.3 * rng.normal(size=(n * visits, ROWS, FEATURES)))
    rows = rows + shift * np.eye(FEATURES)[0]
    subjects = tuple(f"{name}{number}" for number in range(n * visits))
    owners = {subject: f"{name}-{number // visits}" for number, subject in enumerate(subjects)}
    return FeatureSet(subjects, {"frames": list(rows)}, "made", patients=owners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=150, help="simulated studies a setting")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    measurement = Measurement(settings=EvaluationSettings(splits=10))
    for setting, (first, second, visits) in SETTINGS.items():
        found: dict[str, list[tuple[float, float, float]]] = {}
        for _ in range(arguments.studies):
            real = cohort(rng, PATIENTS, visits, 0, 1, "r")
            made = {
                name: cohort(rng, SYNTHETIC, 1, *how, name) for name, how in (("b", second), ("a", first))
            }
            sides = {"patients": real} | ({"visits": replace(real, patients={})} if visits > 1 else {})
            for unit, side in sides.items():
                rows = compare_generators(side, made, {"real": side.subjects}, measurement)
                (row,) = rows.itertuples()
                found.setdefault(unit, []).append((row.value, row.ci_low, row.ci_high))
        for unit, rows in found.items():
            value, low, high = np.array(rows).T
            held = np.mean((low <= value.mean()) & (value.mean() <= high))
            print(
                f"{setting:20s} left out: {unit:8s} ratio {value.mean():.2f} (SD {value.std(ddof=1):.3f}), 95 % "
                f"interval {np.mean(high - low):.2f} wide, holds it {100 * held:.1f} % of {len(rows)} times",
                flush=True,
            )


if __name__ == "__main__":
    main()
