"""Error rates and power of the verdict in simulated studies with known truth.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/verdict_validity.py [--studies 1000]

`simulated_studies` describes the process. Printed for every design, in %:

- holds for: whether the verdict is about any training of the generator, or says that it is about these only;
- coverage of the 95 % interval of the difference from the first control;
- family: A/A studies in which the family has an adjusted p < 0.05; words: in which the arm helps or hurts;
- equivalent: studies judged equivalent at a true difference of minus the margin (0.01);
- the same of the truth over all trainings of the generator (any), where the verdict is about these only: arms that do
  not differ over all trainings may truly differ in these;
- power: studies in which the arm helps at a true difference of 0.02; half: mean half-width of the interval.

The truth is that which the verdict is about. Where the arm has two controls, it is the first one's.

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
#: Columns of the truth that the verdict is about, and of the truth over all trainings of the generator.
_MEASURED = ("coverage", "family", "words", "equivalent", "power")
_OF_ANY = ("coverage", "words")


def compared(scores: Mapping[str, Scores], draws: int, paired: bool = True) -> list[Precision]:
    """Precision of the synthetic arm against each of its controls, as `compare_arms` computes it.

    With `paired` false each arm counts as trained with seeds of its own.
    """
    pooled = pool_trainings(scores).get(draws) if paired else None
    if not paired:
        scores = {
            name: own._replace(training_seeds=own.training_seeds + 1000 * number)
            for number, (name, own) in enumerate(scores.items())
        }
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


def measure(design: Design, studies: int, seed: int, paired: bool = True) -> dict[str, float]:
    """Shares, in %, over simulated studies of one design."""
    counts: dict[str, list[float]] = {}
    for scores, apart in simulate(design, studies, np.random.default_rng(seed)):
        precisions = compared(scores, design.generator_seeds, paired)
        found: dict[str, float] = {}
        for about, truth in (
            ("", apart if design.qualified else np.zeros(len(CONTROLS))),
            (" any", 0 * apart),
        ):
            # A true difference moves the values and nothing else.
            null = [
                replace(part, value=part.value - true) for part, true in zip(precisions, truth, strict=True)
            ]
            low, high = null[0].interval(1 - ALPHA)
            word, false = judge(null)
            found |= {f"coverage{about}": low <= 0 <= high, f"family{about}": false}
            found[f"words{about}"] = word in (HELPS, HURTS)
            for key, gain, wanted in (("equivalent", -MARGIN, EQUIVALENT), ("power", GAIN, HELPS)):
                found[key + about] = (
                    judge([replace(part, value=part.value + gain) for part in null])[0] == wanted
                )
        low, high = precisions[0].interval(1 - ALPHA)
        found["half"] = (high - low) / 200
        for key, value in found.items():
            counts.setdefault(key, []).append(value)
    return {key: 100 * float(np.mean(values)) for key, values in counts.items()}


def measure_gap(design: Design, studies: int, seed: int, within: int, group_sd: float) -> dict[str, float]:
    """Coverage, in %, and mean half-width of the intervals of a generalisation gap and of a difference of two.

    `within` patients are held out within the training vendors, each in one fold; the others are foreign and tested in
    every fold. A training is better or worse on all foreign patients by `group_sd`. The true gap is 0.
    """
    counts: dict[str, list[float]] = {"gap": [], "gap half": [], "difference": [], "difference half": []}
    rng = np.random.default_rng(seed)
    for scores, _ in simulate(design, studies, rng):
        groups: dict[str, tuple[Scores, Scores]] = {}
        for name, own in scores.items():
            foreign = own.values[within:] + group_sd * rng.standard_t(3, own.folds.shape) / np.sqrt(3)
            elsewhere = np.arange(within)[:, None] % design.folds != own.folds
            inside = np.where(elsewhere, np.nan, own.values[:within])
            groups[name] = (own._replace(values=foreign), own._replace(values=inside))
        real, plus = groups["real"], groups["plus"]
        for key, precision in (
            ("gap", contrast_precision([plus[0]], [1.0], minus=[plus[1]])),
            ("difference", contrast_precision([plus[0], real[0]], [1.0, -1.0], minus=[plus[1], real[1]])),
        ):
            assert precision is not None
            low, high = precision.interval(1 - ALPHA)
            counts[key].append(100 * (low <= 0 <= high))
            counts[f"{key} half"].append((high - low) / 2)
    return {key: float(np.mean(values)) for key, values in counts.items()}


def print_gaps(studies: int) -> None:
    """Print one line a design of `measure_gap`."""
    hard = Design(patients=60, heavy=True, failures=0.05, training_sd=0.01, shared=0.6)
    print("| design | gap: coverage | half-width | difference of gaps: coverage | half-width |")
    print("|---|---|---|---|---|")
    for number, (name, design, within, group_sd) in enumerate(
        (
            ("40 foreign, 20 internal patients, 3 seeds", hard, 20, 0.0),
            ("the same, SD 0.01 of a training on foreign patients", hard, 20, 0.01),
            ("the same, 5 seeds", replace(hard, trainings=5), 20, 0.01),
            ("12 foreign, 6 internal patients, 3 seeds", replace(hard, patients=18), 6, 0.01),
            ("40 foreign, 20 internal, 5 folds", replace(hard, folds=5, same=True), 20, 0.01),
            (
                "40 foreign, 20 internal, 3 generator seeds of SD 0",
                replace(hard, generator_seeds=3),
                20,
                0.01,
            ),
        )
    ):
        found = measure_gap(design, studies, 100 + number, within, group_sd)
        cells = [f"{found['gap']:.1f}", f"{found['gap half']:.4f}"]
        cells += [f"{found['difference']:.1f}", f"{found['difference half']:.4f}"]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def designs() -> Iterator[tuple[str, Design]]:
    """The designs of the table in docs/statistics.md, with what is special about them."""
    base = Design()
    hard = replace(base, heavy=True, failures=0.05)
    for patients, trainings in ((50, 2), (8, 3), (12, 3), (20, 3), (50, 3), (50, 5), (100, 3)):
        yield f"{patients} patients, {trainings} seeds", replace(base, patients=patients, trainings=trainings)
    yield "failures 5 %, 12 patients", replace(hard, patients=12)
    yield "failures 3 %, 20 patients", replace(hard, patients=20, failures=0.03)
    yield "failures 5 %", hard
    yield "failures 5 %, 2 seeds", replace(hard, trainings=2)
    yield "failures 10 %", replace(hard, failures=0.1)
    yield "3 visits, failures 5 %", replace(hard, visits=3)
    for trainings in (3, 5):
        unequal = replace(base, arm_training_sd=0.009, trainings=trainings)
        yield f"{trainings} seeds, training SD 0.009 in the arm only", unequal
        for shared in (0, 0.6):
            alike = replace(base, shared=shared, trainings=trainings, training_sd=0.01)
            yield f"{trainings} seeds, training SD 0.01, {shared:.0%} shared".replace("%", " %"), alike
    for draws in (1, 2, 3):
        for sd in (0.005, 0.01):
            seeds = "1 generator seed" if draws == 1 else f"{draws} generator seeds"
            yield f"{seeds}, SD {sd:g}", replace(base, generator_seeds=draws, generator_sd=sd)
    yield "2 generator seeds, SD 0", replace(base, generator_seeds=2)
    yield "3 generator seeds, SD 0", replace(base, generator_seeds=3)
    yield "3 generator seeds, SD 0.01, failures 5 %", replace(hard, generator_seeds=3, generator_sd=0.01)
    yield "2 folds, SD 0.01", replace(base, folds=2, fold_sd=0.01)
    yield (
        "2 folds of 2 generator seeds, SD 0.01",
        replace(base, folds=2, generator_seeds=2, generator_sd=0.01),
    )
    for folds in (3, 10):
        yield f"{folds} folds, SD 0.01", replace(base, folds=folds, fold_sd=0.01)
    for sd in (0.0, 0.005, 0.01):
        yield f"5 folds, SD {sd:g}", replace(base, folds=5, fold_sd=sd)
    yield (
        "5 folds, SD 0.01, 2 seeds, 100 patients",
        replace(base, folds=5, fold_sd=0.01, trainings=2, patients=100),
    )
    yield "5 folds, SD 0.01, failures 5 %", replace(hard, folds=5, fold_sd=0.01)
    yield "5 folds, SD 0.01, 3 visits, failures 5 %", replace(hard, folds=5, fold_sd=0.01, visits=3)
    for sd in (0.0, 0.01):
        yield f"5 folds of the same patients, SD {sd:g}", replace(base, folds=5, same=True, fold_sd=sd)
    yield (
        "5 folds of the same 12 patients, SD 0.01, failures 5 %",
        replace(hard, folds=5, same=True, fold_sd=0.01, patients=12),
    )


def main() -> None:
    """Print one line a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", default="", help="designs whose name contains this")
    parser.add_argument("--unpaired", action="store_true", help="do not pair the training seeds of the arms")
    parser.add_argument("--gaps", action="store_true", help="generalisation gaps instead of verdicts")
    parser.add_argument("--first", type=int, default=0, help="number of the first design")
    parser.add_argument("--last", type=int, default=1000, help="number of the design to stop before")
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.gaps:
        print_gaps(arguments.studies)
        return
    print(
        f"| {' | '.join(['design', 'holds for', *_MEASURED, *(f'{key}, any' for key in _OF_ANY), 'half-width'])} |"
    )
    print("|" + "---|" * (3 + len(_MEASURED) + len(_OF_ANY)))
    for number, (name, design) in enumerate(designs()):
        if arguments.only not in name or not arguments.first <= number < arguments.last:
            continue
        found = measure(design, arguments.studies, number, not arguments.unpaired)
        texts = [f"{found[key]:.1f}" for key in (*_MEASURED, *(f"{key} any" for key in _OF_ANY))]
        cells = [name, "these" if design.qualified else "any", *texts, f"{found['half']:.4f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"{arguments.studies} studies a design, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
