"""How often an arm's segmentations fail: structures missed, and Dice too low to use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.statistics.estimate_rows import arm_fields, bootstrap_mean
from synthaug.statistics.scores import of_headline, patient_of
from synthaug.tables import Row, make_table

#: Dice below which a segmentation of a ventricle is redrawn rather than corrected.
POOR_DICE = 0.7


def failure_rates(scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings) -> pd.DataFrame:
    """Fraction of segmentations with a low Dice, and of structures missed, per arm and structure.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient of all arms.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Coverage, replicates and seed of the bootstrap over patients.

    Returns
    -------
    DataFrame
        Rows ``dice_poor`` (Dice below 0.7) and ``dice_missed`` (the reference has the structure, the prediction does not):
        mean over a patient's phases and trainings, then over patients. `n` is the number of patients.
    """
    dice = of_headline(scores[(scores["metric"] == "dice") & scores["value"].notna()])
    patient = patient_of(dice)
    rows: list[Row] = []
    for structure in dice["structure"].drop_duplicates():
        for arm in arms:
            own = dice[(dice["structure"] == structure) & (dice["arm"] == arm.name)]
            place = {**arm_fields(arm), "structure": structure}
            for suffix, failed in (
                ("_poor", own["value"] < POOR_DICE),
                ("_missed", own["status"] == "missing_prediction"),
            ):
                shares = failed.groupby(patient[own.index]).mean().to_numpy(float)
                rows.append({**columns_of("dice", suffix), **place, **_mean(shares, settings)})
    return make_table(rows)


def _mean(shares: np.ndarray, settings: EvaluationSettings) -> Row:
    if not len(shares):
        return {"status": "not_measured", "note": "no patient was scored", "n": 0}
    return bootstrap_mean(shares, settings)
