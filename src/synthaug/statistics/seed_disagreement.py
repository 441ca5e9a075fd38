"""How much the segmentations of one patient differ between training seeds of an arm."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.statistics.estimate_rows import EXPLORATORY, arm_fields, bootstrap_mean
from synthaug.statistics.scores import average_visits, of_headline
from synthaug.tables import Row, make_table

#: Trainings that share these differ by the training seed only.
_SAME = ["patient", "phase", "fold", "generator_seed"]


def seed_disagreement(
    scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings
) -> pd.DataFrame:
    """Standard deviation of a patient's Dice between training seeds, per arm and structure.

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
        Rows ``dice_seed_sd``: SD (n - 1) over the training seeds of a fold and generator seed, mean over a patient's
        phases, folds and generator seeds, then over patients. `n` is the number of patients. Exploratory.
    """
    dice = average_visits(of_headline(scores[(scores["metric"] == "dice") & scores["value"].notna()]))
    spread = dice.groupby(["arm", "structure", *_SAME], dropna=False)["value"].std(ddof=1)
    of_patients = spread.dropna().groupby(["arm", "structure", "patient"]).mean()
    rows: list[Row] = []
    for structure in dice["structure"].drop_duplicates():
        for arm in arms:
            about = {**columns_of("dice", "_seed_sd"), **arm_fields(arm), "structure": structure}
            found = of_patients[
                (of_patients.index.get_level_values("arm") == arm.name)
                & (of_patients.index.get_level_values("structure") == structure)
            ].to_numpy(float)
            if not len(found):
                note = "one training seed"
                rows.append({**about, "status": "not_measured", "note": note, "n": 0})
                continue
            rows.append({**about, **bootstrap_mean(found, settings, EXPLORATORY)})
    return make_table(rows)
