"""How often the interval of a quotient of Fréchet distances holds the quotient.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/quotient_interval.py

Simulated cohorts of the demo's size: 24 real subjects, the same corrupted, 32 synthetic ones, 24 features that vary less and
less. What the generator does (a shift and too little variety) and the corruption (a shift and noise) differ by setting; the
quotient is taken as `synthaug.measures.metric_sensitivity.corrupted_reference` does. What should be held is its mean over all cohorts of a
setting. docs/metrics.md keeps what it printed.
"""

from __future__ import annotations

import argparse

import numpy as np

from synthaug.metrics.frechet import frechet_distance
from synthaug.metrics.split_jackknife import Split, split_quotient

N_REAL, N_SYNTHETIC, N, SPLITS, FEATURES = 24, 32, 12, 20, 24
#: Shifts of the synthetic and of the corrupted subjects.
SETTINGS = ((0.5, 1.0), (1.0, 1.0), (0.5, 3.0), (2.0, 2.0))


def simulate(rng: np.random.Generator, shift: float, corruption: float) -> tuple[float, float, float]:
    """The quotient of one simulated study and its interval."""
    scales, axis = np.linspace(1, 0.2, FEATURES), np.eye(FEATURES)[0]
    real = rng.normal(size=(N_REAL, FEATURES)) * scales
    corrupted = real + corruption * axis + 0.3 * rng.normal(size=real.shape)
    made = shift * axis + 0.9 * rng.normal(size=(N_SYNTHETIC, FEATURES)) * scales
    orders = [(rng.permutation(N_REAL), rng.permutation(N_SYNTHETIC)) for _ in range(SPLITS)]
    splits = [(own[:N], own[N : 2 * N], made_order[:N]) for own, made_order in orders]

    def distances(split: Split) -> tuple[float, float]:
        reference, other, synthetic = split
        return (
            frechet_distance(real[reference], made[synthetic]),
            frechet_distance(real[reference], corrupted[other]),
        )

    return split_quotient(distances, splits, (0, 0, 1), 0.95)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=200, help="simulated studies a setting")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    for shift, corruption in SETTINGS:
        found = np.array([simulate(rng, shift, corruption) for _ in range(arguments.cohorts)])
        value, low, high = found.T
        held = np.mean((low <= value.mean()) & (value.mean() <= high))
        print(
            f"shifts {shift:g} and {corruption:g}: quotient {value.mean():.2f} (SD {value.std(ddof=1):.3f}), "
            f"95 % interval {np.mean(high - low):.2f} wide, holds it {100 * held:.1f} % of {len(found)} times",
            flush=True,
        )


if __name__ == "__main__":
    main()
