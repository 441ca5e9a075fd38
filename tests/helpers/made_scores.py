"""Made-up scores of a task: Dice of twelve patients and three trainings in three arms."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table

REAL = Arm("real", True, None, 0.0)
PLUS = Arm("plus", True, "cascade", 1.0)
REPEATED = Arm("plus-repeated", True, "cascade", 1.0, "repeated", "plus")
ARMS = [REAL, PLUS, REPEATED]


def scores_of(task: str, effect: float, seed: int, arms=ARMS, targets=(None,)) -> pd.DataFrame:
    """Dice of twelve patients and three trainings in every arm of a task; `effect` is that of the arm plus."""
    rng = np.random.default_rng(seed)
    base = rng.normal(0.8, 0.05, 12)
    rows = [
        {
            **columns_of("dice"),
            "status": "ok",
            "value": base[patient] + effect * (arm is PLUS) + 0.01 * rng.normal(),
            "structure": None if target else "LV",
            "target": target,
            "subject": f"p{patient}",
            "task": task,
            "arm": arm.name,
            "fold": 0,
            "training_seed": training_seed,
            "generator_seed": 0 if arm.generator else None,
        }
        for arm, training_seed, patient, target in itertools.product(arms, range(3), range(12), targets)
    ]
    return make_table(rows)
