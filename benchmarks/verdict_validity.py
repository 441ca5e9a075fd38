"""Error rates and power of the verdict in simulated studies with known truth.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/verdict_validity.py [--studies 1000]

`simulated_studies` describes the process. Printed for every design, in %:

- coverage of the 95 % interval of the difference from the first control. Where the verdict holds with these
  trainings of the generator only, of the truth with these; in brackets, of the truth over all generators;
- false: A/A studies in which the family has an adjusted p < 0.05; where the verdict is qualified, in brackets;
- words: A/A studies in which the arm helps or hurts; the same;
- equivalent: studies judged equivalent at a true difference of minus the margin (0.01); the same;
- power: studies in which the arm helps at a true difference of 0.02; half: mean half-width of the interval.

docs/statistics.md has the output.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from simulated_studies import CONTROLS, Design, simulate

from synthaug.statistics.contrast import contrast_precision
from synthaug.statistics.paired_tests import holm
from synthaug.statistics.pooled_trainings import pool_trainings
from synthaug.statistics.precision import Precision
from synthaug.statistics.scores import Scores
from synthaug.statistics.verdict import EQUIVALENT, HELPS, HURTS, common_word

GAIN, MARGIN, ALPHA = 0.02, 0.01, 0.05


def compared(scores: Mapping[str, Scores], draws: int) -> list[Precision]:
    """Precision of the synthetic arm against each of its controls, as `compare_arms` computes it."""
    pooled = pool_trainings(scores).get(draws)
    found = [contrast_precision([scores["plus"], scores[name]], [1, -1], pooled=pooled) for name in CONTROLS]
    return [precision for precision in found if precision is not None]


def judge(precisions: list[Precision]) -> tuple[str, bool]:
    """Word of the verdict, and whether any adjusted p-value is below the level."""
    adjusted = holm([precision.p_value() for precision in precisions])
    rows = []
    for name, precision, p_adjusted in zip(CONTROLS, precisions, adjusted, strict=True):
        low, high = precision.interval(1 - ALPHA)
        tests = {"p_value": precision.p_value(), "p_adjusted": p_adjusted}
        tests["p_equivalence"] = precision.p_equivalence(MARGIN)
        rows.append({"versus": name, "direction": "higher", "ci_low": low, "ci_high": high, **tests})
    return common_word(rows, CONTROLS, ALPHA)[0], bool((adjusted < ALPHA).any())


def measure(design: Design, studies: int, seed: int) -> dict[str, float]:
    """Shares, in %, over simulated studies of one design."""
    counts: dict[str, list[float]] = {key: [] for key in ("coverage", "any", "false", "words", "half")}
    for scores, conditional in simulate(design, studies, np.random.default_rng(seed)):
        precisions = compared(scores, design.generator_seeds)
        low, high = precisions[0].interval(1 - ALPHA)
        counts["coverage"].append(low <= (conditional if design.qualified else 0) <= high)
        counts["any"].append(low <= 0 <= high)
        counts["half"].append((high - low) / 200)
        word, false = judge(precisions)
        counts["false"].append(false)
        counts["words"].append(word in (HELPS, HURTS))
    for key, gain, wanted in (("equivalent", -MARGIN, EQUIVALENT), ("power", GAIN, HELPS)):
        found = simulate(design, studies, np.random.default_rng(seed), gain)
        counts[key] = [judge(compared(scores, design.generator_seeds))[0] == wanted for scores, _ in found]
    return {key: 100 * float(np.mean(values)) for key, values in counts.items()}


def designs() -> Iterator[tuple[str, Design]]:
    """The designs of the table in docs/statistics.md, with what is special about them."""
    base = Design(generator_seeds=3)
    hard = replace(base, heavy=True, failures=0.05)
    for patients, trainings in ((50, 2), (20, 3), (50, 3), (50, 5), (100, 3)):
        yield f"{patients} patients, {trainings} seeds", replace(base, patients=patients, trainings=trainings)
    yield "heavy tails, failures 3 %, 20 patients", replace(hard, patients=20, failures=0.03)
    yield "heavy tails, failures 5 %", hard
    yield "heavy tails, failures 10 %", replace(hard, failures=0.1)
    yield "training SD 0.009 in the arm", replace(base, arm_training_sd=0.009)
    yield "training SD 0.009 in the arm, 5 seeds", replace(base, arm_training_sd=0.009, trainings=5)
    for trainings in (3, 5):
        yield f"{trainings} seeds, 60 % shared", replace(base, shared=0.6, trainings=trainings, training_sd=0.01)
        yield f"{trainings} seeds, 0 % shared", replace(base, trainings=trainings, training_sd=0.01)
    yield "3 visits, failures 5 %", replace(hard, visits=3)
    for draws in (1, 2, 3, 5):
        for sd in (0.0, 0.005, 0.01):
            yield f"{draws} generator seeds, SD {sd:g}", replace(base, generator_seeds=draws, generator_sd=sd)
    yield "3 generator seeds, SD 0.01, failures 5 %", replace(hard, generator_sd=0.01)
    one = replace(base, generator_seeds=1)
    for folds, patients in ((2, 50), (5, 50), (5, 100)):
        for sd in (0.0, 0.005, 0.01):
            yield f"{folds} folds, SD {sd:g}, {patients} patients", replace(one, folds=folds, fold_sd=sd, patients=patients)
    yield "5 folds, SD 0.01, failures 5 %", replace(hard, generator_seeds=1, folds=5, fold_sd=0.01)
    for folds in (2, 5):
        for sd in (0.0, 0.005, 0.01):
            yield f"{folds} folds of the same patients, SD {sd:g}", replace(one, folds=folds, same=True, fold_sd=sd)


def main() -> None:
    """Print one line a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", default="", help="designs whose name contains this")
    arguments = parser.parse_args()
    started = time.perf_counter()
    print("| design | coverage | false | words | equivalent | power | half-width |")
    print("|" + "---|" * 7)
    for number, (name, design) in enumerate(designs()):
        if arguments.only not in name:
            continue
        found = measure(design, arguments.studies, number)
        texts = {key: f"{found[key]:.1f}" for key in ("false", "words", "equivalent")}
        coverage = f"{found['coverage']:.1f}"
        if design.qualified:
            texts = {key: f"({text})" for key, text in texts.items()}
            coverage += f" ({found['any']:.1f})"
        cells = [name, coverage, *texts.values(), f"{found['power']:.1f}", f"{found['half']:.4f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"{arguments.studies} studies a design, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
