"""Time the comparison of a large study's arms.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/large_study.py

20 arms (a real one, and of three generators two doses each with two controls, one without), 5 seeds, 200
patients of 3 vendors, 3 structures, 2 phases, Dice and three surface distances; the settings' defaults.
docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import itertools
import time

import numpy as np
import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.statistics.comparisons import compare_arms
from synthaug.tables import COLUMNS

SEEDS, PATIENTS = 5, 200
PLACES = tuple(itertools.product(("LV", "MYO", "RV"), ("ED", "ES")))


def study_arms() -> list[Arm]:
    """Twenty arms."""
    arms = [Arm("real", True, None, 0.0)]
    for generator, dose in itertools.product("abc", (0.5, 1.0)):
        name = f"{generator}-{dose:g}"
        arms.append(Arm(name, True, generator, dose))
        for control in SIZE_MATCHED:
            arms.append(Arm(f"{name}-{control}", True, generator, dose, control, name))
    return [*arms, Arm("a-only", False, "a", 1.0)]


def made_up_scores(arms: list[Arm], patients: int = PATIENTS, seeds: int = SEEDS) -> pd.DataFrame:
    """A value of each metric for every arm, seed, patient, structure and phase."""
    rng = np.random.default_rng(0)
    keys = pd.DataFrame(
        itertools.product([arm.name for arm in arms], range(seeds), range(patients), PLACES),
        columns=["arm", "training_seed", "patient", "place"],
    )
    keys["structure"], keys["phase"] = keys["place"].str[0], keys["place"].str[1]
    keys["subject"] = "p" + keys["patient"].astype(str).str.zfill(3)
    keys["vendor"] = keys["patient"].map(lambda number: "ABC"[number % 3])
    tables = [
        keys.assign(value=rng.normal(0.85, 0.05, len(keys)), status="ok", fold=0, **columns_of(metric))
        for metric in ("dice", "hd", "hd95", "assd")
    ]
    return pd.concat(tables, ignore_index=True).reindex(columns=list(COLUMNS))


def main() -> None:
    """Print the seconds it took."""
    arms = study_arms()
    scores = made_up_scores(arms)
    started = time.perf_counter()
    rows = compare_arms(scores, arms, EvaluationSettings())
    seconds = time.perf_counter() - started
    print(f"{len(arms)} arms, {len(scores)} values, {len(rows)} rows: {seconds:.1f} s")


if __name__ == "__main__":
    main()
