"""Baseline of a study: scores of the arm that trains on real patients only, one line a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.statistics.scores import of_headline, patient_of
from synthaug.tables import VALUED_STATUSES
from synthaug.tables.compact import with_texts

#: Metrics of a patient; the ejection fraction is that of the left ventricle.
METRICS = ("dice", "hd95", "dice_grid", "hd95_grid", "dice_ceiling", "ef_error")
#: Mean over trainings of the error without its sign.
ABSOLUTE = "ef_absolute"


@dataclass(frozen=True)
class Mean:
    """Mean over patients; n is the number of patients."""

    value: float
    n: int


@dataclass(frozen=True)
class Baseline:
    """Scores of the arm of real patients.

    Attributes
    ----------
    arm : str
        Name of the arm.
    patients : DataFrame
        One line a test patient, by id: vendor, diagnosis, role, trainings (number), `METRICS` and ef_absolute. A value is
        the mean over visits and trainings, then over structures and phases. NaN: not measured.
    """

    arm: str
    patients: pd.DataFrame

    def mean(self, metric: str) -> Mean | None:
        """Mean over the patients of the verdict; None if none of them has the metric."""
        return mean_of(self.headline[metric])

    @property
    def headline(self) -> pd.DataFrame:
        """The patients of the verdict: of unseen vendors only, where the study tests such."""
        return of_headline(self.patients)


def real_arm_of(arms: Sequence[Arm]) -> Arm | None:
    """The arm of real patients only, of most of them; None if there is none."""
    real = [arm for arm in arms if arm.real and not arm.generator and not arm.control]
    return max(real, key=lambda arm: arm.real, default=None)


def mean_of(values: pd.Series[float]) -> Mean | None:
    """Mean of the known values; None if there is none."""
    known = values.dropna()
    return Mean(float(known.mean()), len(known)) if len(known) else None


def measure_baseline(table: pd.DataFrame, arms: Sequence[Arm]) -> Baseline | None:
    """Baseline of the first arm that trains on real patients only.

    Parameters
    ----------
    table : DataFrame
        All result rows of a study.
    arms : sequence of Arm
        Its arms; the arm with the most real patients is the baseline.

    Returns
    -------
    Baseline or None
        None if the study has no such arm.
    """
    arm = real_arm_of(arms)
    if arm is None:
        return None
    name = arm.name
    own = table[(table["arm"] == name) & table["subject"].notna() & table["metric"].isin(METRICS)]
    own = with_texts(own[own["status"].isin(VALUED_STATUSES)])
    own = own[(own["metric"] != "ef_error") | (own["structure"].fillna("LV") == "LV")]
    own = own.assign(value=own["value"].astype(float), patient=patient_of(own))
    errors = own[own["metric"] == "ef_error"]
    own = pd.concat([own, errors.assign(metric=ABSOLUTE, value=errors["value"].abs())])
    places = own.groupby(["patient", "metric", "structure", "phase"], dropna=False)["value"].mean()
    values = places.groupby(["patient", "metric"]).mean().unstack("metric")
    by_patient = own.groupby("patient")
    about = by_patient[["vendor", "diagnosis", "role"]].first()
    runs = own.drop_duplicates(["patient", "fold", "generator_seed", "training_seed"])
    about["trainings"] = runs.groupby("patient").size()
    return Baseline(name, about.join(values.reindex(columns=[*METRICS, ABSOLUTE])))
