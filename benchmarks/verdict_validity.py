"""Error rates and power of the verdict in simulated studies with known truth.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/verdict_validity.py [--studies 1000]

Each study has one real+synthetic arm and its two controls (or three such arms, `arms` 3). Dice of
patient p in training r of arm a: patient (SD 0.05) + arm x patient (SD 0.014 an arm, so that differences
have 0.02) + generator seed + training + noise (SD 0.02). Printed for every design, in %:

- coverage of the 95 % interval: this method, patients only (t), hierarchical bootstrap;
- family: A/A studies with any adjusted p < 0.05; arm: A/A arms that help or hurt;
- power: arms that help at a true difference of 0.02, with `patients_needed` patients at the true variances.

docs/statistics.md has the output.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import special

from synthaug.statistics.bootstrap import Bootstrap
from synthaug.statistics.paired_tests import holm
from synthaug.statistics.power import patients_needed
from synthaug.statistics.precision import Precision, contrast_precision
from synthaug.statistics.scores import Scores
from synthaug.statistics.verdict import HELPS, HURTS, judge_arm

GAIN, ALPHA, POWER = 0.02, 0.05, 0.8
CONTROLS = ("repeated", "classical")
MOST_PLANNED = 500  # patients beyond which no such study is simulated


@dataclasses.dataclass(frozen=True)
class Design:
    """Size and variances of a simulated study; `training_sd` and `generator_seed_sd` in Dice."""

    patients: int
    trainings: int
    generator_seeds: int = 1
    training_sd: float = 0.003
    generator_seed_sd: float = 0.0
    arms: int = 1
    interaction_sd: float = 0.014
    noise_sd: float = 0.02
    folds: int = 1


def simulate(design: Design, rng: np.random.Generator, gain: float = 0.0) -> list[list[Scores]]:
    """Scores of each synthetic arm followed by those of its controls."""
    n, runs = design.patients, design.generator_seeds * design.trainings
    base = rng.normal(0.85, 0.05, n)[:, None]
    fold_of = np.arange(n) % design.folds
    folds = np.repeat(np.arange(design.folds), runs)
    generator_seeds = np.tile(np.repeat(np.arange(design.generator_seeds), design.trainings), design.folds)

    def scores(shift: float, generator_seed_sd: float) -> Scores:
        effect = rng.normal(0, design.training_sd, len(folds))
        shape = (design.folds, design.generator_seeds)
        effect += rng.normal(0, generator_seed_sd, shape)[folds, generator_seeds]
        own = rng.normal(0, design.interaction_sd, n)[:, None]
        values = base + shift + own + effect + rng.normal(0, design.noise_sd, (n, len(folds)))
        values[fold_of[:, None] != folds] = np.nan
        return Scores(values, folds, generator_seeds)

    return [
        [scores(gain, design.generator_seed_sd), *(scores(0.0, 0.0) for _ in CONTROLS)]
        for _ in range(design.arms)
    ]


def compared(study: list[list[Scores]]) -> list[list[Precision]]:
    """Precision of each arm against each of its controls."""
    found = [
        [contrast_precision([arm, control], [1, -1]) for control in controls] for arm, *controls in study
    ]
    return [[precision for precision in row if precision] for row in found]


def words_of(precisions: list[list[Precision]]) -> tuple[np.ndarray, list[str]]:
    """Adjusted p-values of the family, and the verdict of each arm."""
    flat = list(itertools.chain.from_iterable(precisions))
    adjusted = holm([precision.p_value() for precision in flat])
    rest = iter(adjusted)
    words = []
    for row in precisions:
        table = pd.DataFrame(
            [
                (name, "ok", "higher", *precision.interval(1 - ALPHA), precision.p_value(), next(rest))
                for name, precision in zip(CONTROLS, row, strict=True)
            ],
            columns=["versus", "status", "direction", "ci_low", "ci_high", "p_value", "p_adjusted"],
        )
        table = table.assign(note=None, p_equivalence=None, detectable=None, patients_needed=None)
        words.append(judge_arm(table, CONTROLS, ALPHA).word)
    return adjusted, words


def true_precision(design: Design) -> Precision:
    """Expected variances of one comparison."""
    n, runs = design.patients, design.generator_seeds * design.trainings
    noise = design.noise_sd**2 / (n * runs)
    seeds = design.generator_seed_sd**2 / design.generator_seeds
    training = np.array([design.training_sd**2 / runs + seeds, 0]) + noise
    training[1] += design.training_sd**2 / runs
    patients = 2 * design.interaction_sd**2 / n + 2 * noise
    units = design.generator_seeds if design.generator_seeds > 1 else design.trainings
    freedom = np.full(2, design.folds * (units - 1))
    return Precision(0.0, np.zeros(n), patients, n - design.folds, training, np.full(2, noise), freedom)


def measure(design: Design, studies: int, seed: int, replicates: int = 0) -> dict[str, float]:
    """Shares, in %, over simulated studies of one design."""
    rng = np.random.default_rng(seed)
    counts: dict[str, list[bool]] = {
        key: [] for key in ("interval", "patients only", "bootstrap", "family", "arm")
    }
    for number in range(studies):
        study = simulate(design, rng)
        precisions = compared(study)
        first = precisions[0][0]
        low, high = first.interval(1 - ALPHA)
        counts["interval"].append(low <= 0 <= high)
        half = special.stdtrit(first.patients_df, 1 - ALPHA / 2) * np.sqrt(first.patients)
        counts["patients only"].append(abs(first.value) <= half)
        if replicates:
            bootstrap = Bootstrap(np.arange(design.patients) % design.folds, replicates, number)
            means = bootstrap.means(study[0][0], 0) - bootstrap.means(study[0][1], 1)
            ends = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
            counts["bootstrap"].append(bool(ends[0] <= 0 <= ends[1]))
        adjusted, words = words_of(precisions)
        counts["family"].append(bool((adjusted < ALPHA).any()))
        counts["arm"].append(bool({HELPS, HURTS} & set(words)))
    shares = {key: 100 * float(np.mean(found)) for key, found in counts.items() if found}
    family = len(CONTROLS) * design.arms
    needed = patients_needed(true_precision(design), GAIN, ALPHA / family, POWER ** (1 / len(CONTROLS)))
    if needed is not None and needed <= MOST_PLANNED:
        sized = dataclasses.replace(design, patients=needed)
        shares["n"] = needed
        helped = [words_of(compared(simulate(sized, rng, GAIN)))[1][0] == HELPS for _ in range(studies)]
        shares["power"] = 100 * float(np.mean(helped))
    return shares


def designs() -> Iterator[Design]:
    """The designs of the table in docs/statistics.md."""
    yield Design(50, 2)
    yield from (Design(patients, runs) for patients, runs in itertools.product((20, 50, 100), (3, 5)))
    yield from (Design(50, 3, training_sd=training_sd) for training_sd in (0.0, 0.006))
    yield Design(50, 2, generator_seeds=3, generator_seed_sd=0.003)
    yield Design(50, 2, folds=5)
    yield Design(50, 5, arms=3)


def main() -> None:
    """Print one line a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=500)
    arguments = parser.parse_args()
    started = time.perf_counter()
    print("| patients | trainings | generator seeds | folds | arms | SD training | SD generator seed | coverage"
          " | patients only | bootstrap | family | arm | n needed | power |")  # fmt: skip
    print("|" + "---|" * 14)
    for number, design in enumerate(designs()):
        found = measure(design, arguments.studies, number, arguments.replicates)
        facts = [design.patients, design.trainings, design.generator_seeds, design.folds, design.arms]
        cells = [*map(str, facts), f"{design.training_sd:g}", f"{design.generator_seed_sd:g}"]
        cells += [f"{found[key]:.1f}" for key in ("interval", "patients only", "bootstrap", "family", "arm")]
        cells += [f"{found['n']:.0f}", f"{found['power']:.1f}"] if "n" in found else ["–", "–"]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"{arguments.studies} studies a design, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
