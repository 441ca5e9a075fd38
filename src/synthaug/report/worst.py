"""Test patients with the lowest Dice, and their scores in every arm."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, Arm
from synthaug.report.controls import favourable, strongest_control
from synthaug.report.rows import broadest, pooled, select
from synthaug.statistics.scores import RUN, of_headline, patient_of
from synthaug.tables import VALUED_STATUSES, Row
from synthaug.tables.compact import with_texts

METRICS = ("dice", "hd95")


def shown_arms(rows: Sequence[Row], arms: Sequence[Arm], metric: str) -> tuple[str, ...]:
    """A control and the synthetic arm compared with it.

    Parameters
    ----------
    rows : sequence of Row
        Rows about several patients.
    arms : sequence of Arm
        Arms of the study.
    metric : str
        Metric of the verdict.

    Returns
    -------
    tuple of str
        The strongest size-matched control of the synthetic arm with the most favourable difference, and that arm. Without
        such a comparison: the arm with the most real patients, and the first arm with synthetic subjects, as far as the study
        has them.
    """
    differences = broadest(pooled(select(rows, metric=f"{metric}_difference", fold=None)))
    pairs = []
    for arm in arms:
        controls = [
            other.name for other in arms if arm.name in other.control_of and other.control in SIZE_MATCHED
        ]
        row = strongest_control(select(differences, arm=arm.name), controls)
        pairs += [row] if row else []
    if pairs:
        best = max(pairs, key=favourable)
        return str(best["versus"]), str(best["arm"])
    plain = [arm for arm in arms if not arm.control]
    real = sorted((arm for arm in plain if not arm.generator), key=lambda arm: -arm.real)[:1]
    return tuple(arm.name for arm in [*real, *[arm for arm in plain if arm.generator][:1]])


def mean_dice(table: pd.DataFrame, arm: str) -> pd.Series[float]:
    """Dice of each patient of the verdict in an arm, lowest first.

    Parameters
    ----------
    table : DataFrame
        All result rows of a study.
    arm : str
        Name of the arm.

    Returns
    -------
    Series
        By patient: mean over visits, folds and trainings, then over structures and phases. Patients of equal Dice are in the
        order of their ids.
    """
    own = of_headline(scores_of_patients(table[(table["arm"] == arm) & (table["metric"] == "dice")]))
    places = own.groupby(["patient", "structure", "phase"], dropna=False)["value"].mean()
    return places.groupby("patient").mean().sort_index().sort_values(kind="stable")


def scores_of_patients(table: pd.DataFrame, patients: Sequence[str] | None = None) -> pd.DataFrame:
    """Dice and HD95 with a value, as texts, with the column `patient` filled.

    Parameters
    ----------
    table : DataFrame
        Result rows.
    patients : sequence of str, optional
        Only these.
    """
    own = table[
        table["metric"].isin(METRICS) & table["subject"].notna() & table["status"].isin(VALUED_STATUSES)
    ]
    if patients is not None:
        own = own[own["patient"].isin(patients) | own["subject"].isin(patients)]
    own = with_texts(own)
    own = own.assign(patient=patient_of(own), value=own["value"].astype(float))
    return own if patients is None else own[own["patient"].isin(patients)]


def count_trainings(scores: pd.DataFrame) -> int:
    """Trainings among rows of one arm."""
    return len(scores[list(RUN)].drop_duplicates())


def missed_structures(scores: pd.DataFrame) -> str:
    """Structures that the predictions lack: ``RV ES (2 of 5)``, of so many segmentations; empty if none.

    Parameters
    ----------
    scores : DataFrame
        Rows of one patient in one arm (`scores_of_patients`).
    """
    dice = scores[scores["metric"] == "dice"]
    said = []
    for (structure, phase), own in dice.groupby(["structure", "phase"]):
        missed = int((own["status"] == "missing_prediction").sum())
        said += [f"{structure} {phase} ({missed} of {len(own)})"] if missed else []
    return ", ".join(said)
