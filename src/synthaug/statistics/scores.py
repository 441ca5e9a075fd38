"""Result rows per patient as arrays, one level (metric, structure, phase, target, role, vendor) at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.metric_registry import METRICS

#: Columns that identify one training of an arm.
RUN = ("fold", "generator_seed", "training_seed")
#: What a value of a patient is about, besides the metric.
PLACE = ("structure", "phase", "target")
#: Role of the patients held out within the training vendors, beside a test on others.
WITHIN = "test_within"


class Scores(NamedTuple):
    """Values of one arm: one row per patient, one column per training.

    Attributes
    ----------
    values : ndarray, shape (n_patients, n_runs)
        NaN if a training did not score the patient.
    folds : ndarray, shape (n_runs,)
        Fold of each training.
    generator_seeds : ndarray, shape (n_runs,)
        Generator seed of each training; -1 if it has none.
    training_seeds : ndarray, shape (n_runs,)
        Training seed of each training. Arms that share it share the initial weights.
    """

    values: np.ndarray
    folds: np.ndarray
    generator_seeds: np.ndarray
    training_seeds: np.ndarray


class Level(NamedTuple):
    """Scores of all arms in one metric, at one level.

    Attributes
    ----------
    metric : str
        Name in `synthaug.metric_registry.METRICS`.
    structure, phase, target, vendor : str or None
        Restriction of the values; None: all.
    role : str or None
        ``"test_within"``: the patients held out within the training vendors, where others are tested too.
        None: the patients of the verdict (of the foreign vendors only, where the study tests such).
    broadest : bool
        Whether this is the broadest level of the metric.
    scores : mapping of str to Scores
        Scores by name of the arm; all arms have the same patients.
    within : mapping of str to Scores or None
        Scores of the patients of role ``"test_within"`` at the level of the foreign vendors' patients.
    """

    metric: str
    structure: str | None
    phase: str | None
    target: str | None
    vendor: str | None
    role: str | None
    broadest: bool
    scores: Mapping[str, Scores]
    within: Mapping[str, Scores] | None = None

    @property
    def headline(self) -> bool:
        """Whether the level holds the patients of the verdict, all vendors of them together."""
        return self.vendor is None and self.role is None


def patient_of(rows: pd.DataFrame) -> pd.Series[str]:
    """Patient of each row about a subject; a subject without `patient` is a patient."""
    subjects = rows["subject"].astype("string")
    return rows["patient"].astype("string").fillna(subjects).astype(str)


def average_visits(measured: pd.DataFrame) -> pd.DataFrame:
    """Average the visits of each patient: the unit of all statistics is the patient.

    Parameters
    ----------
    measured : DataFrame
        Result rows per subject with a value.

    Returns
    -------
    DataFrame
        Columns metric, arm, patient, role, vendor, those of `PLACE` and of `RUN`, and value; one row for
        each patient, place and training. Vendor and role are those of the patient's first visit.
    """
    rows = measured.assign(patient=patient_of(measured))
    keys = ["metric", "arm", "patient", *PLACE, *RUN]
    found = rows.groupby(keys, dropna=False, sort=False, observed=True)
    return found.agg({"value": "mean", "vendor": "first", "role": "first"}).reset_index()


def of_headline(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the patients of the verdict: without internal test patients where foreign vendors are tested."""
    within = rows["role"].eq(WITHIN).fillna(False).to_numpy(bool)
    return rows[~within] if within.any() and not within.all() else rows


def levels_of(measured: pd.DataFrame, arms: Sequence[Arm]) -> Iterator[Level]:
    """Levels of every metric: structures, phases and targets pooled, each of them, and each of these by role and vendor.

    Parameters
    ----------
    measured : DataFrame
        Values of `average_visits`.
    arms : sequence of Arm
        All arms; an arm without rows has a single column of NaN.
    """
    for metric in dict.fromkeys(measured["metric"]):
        rows = measured[measured["metric"] == metric]
        places = rows[list(PLACE)].drop_duplicates().reset_index(drop=True)
        patients = pd.Index(sorted(rows["patient"].unique()))
        about = rows.drop_duplicates("patient").set_index("patient").reindex(patients)
        vendors, within = about["vendor"], about["role"].eq(WITHIN).fillna(False).to_numpy(bool)
        arrays = {arm.name: _array(rows[rows["arm"] == arm.name], patients, places) for arm in arms}
        pools = METRICS[metric].endpoint and len(places) > 1
        both = bool(within.any() and not within.all())
        subsets: list[_Subset] = [(None, None, ~within if both else np.ones(len(patients), bool))]
        if both:
            subsets.append((None, WITHIN, within))
        names = sorted(vendors.dropna().unique())
        if len(names) > 1:
            subsets += [(str(name), None, vendors.eq(name).fillna(False).to_numpy(bool)) for name in names]
        if pools:
            # One value per patient: the mean over the structures, phases and targets that have a value.
            pooled = {name: _mean_over_places(array) for name, (array, *_) in arrays.items()}
            for vendor, role, chosen in subsets:
                beside = _scores(arrays, within, pooled) if both and vendor is role is None else None
                found = _scores(arrays, chosen, pooled)
                yield Level(metric, None, None, None, vendor, role, True, found, beside)
        for number, place in enumerate(places.itertuples(index=False)):
            structure, phase, target = (None if pd.isna(part) else str(part) for part in place)
            here = {name: array[:, :, number] for name, (array, *_) in arrays.items()}
            for vendor, role, chosen in subsets:
                beside = _scores(arrays, within, here) if both and vendor is role is None else None
                found = _scores(arrays, chosen, here)
                yield Level(metric, structure, phase, target, vendor, role, not pools, found, beside)


_Array = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
#: Vendor, role and chosen patients of a level.
_Subset = tuple[str | None, str | None, np.ndarray]


def _array(rows: pd.DataFrame, patients: pd.Index, places: pd.DataFrame) -> _Array:
    """Values (patient, training, place), with fold, generator seed and training seed of each training."""
    if rows.empty:
        return np.full((len(patients), 1, len(places)), np.nan), np.zeros(1), -np.ones(1), np.zeros(1)
    # An arm without a generator has no generator seed: -1.
    keys = pd.MultiIndex.from_frame(rows[list(RUN)].astype(float).fillna(-1))
    runs = keys.unique().sort_values()
    spots = pd.MultiIndex.from_frame(places.astype("string").fillna(""))
    spot = spots.get_indexer(pd.MultiIndex.from_frame(rows[list(PLACE)].astype("string").fillna("")))
    array = np.full((len(patients), len(runs), len(places)), np.nan)
    array[patients.get_indexer(pd.Index(rows["patient"])), runs.get_indexer(keys), spot] = rows[
        "value"
    ].to_numpy(float)
    folds, generator_seeds, training_seeds = (np.asarray(runs.get_level_values(key)) for key in RUN)
    return array, folds, generator_seeds, training_seeds


def _mean_over_places(array: np.ndarray) -> np.ndarray:
    return nanmean(array, 2)


def _scores(
    arrays: Mapping[str, _Array], chosen: np.ndarray, values: Mapping[str, np.ndarray]
) -> dict[str, Scores]:
    return {name: Scores(values[name][chosen], *identities) for name, (_, *identities) in arrays.items()}


def patient_means(scores: Scores) -> np.ndarray:
    """Mean of each patient over the trainings that scored it, shape (n_patients,); NaN if none did."""
    return nanmean(scores.values, 1)


def tested_in(scores: Scores, folds: np.ndarray) -> np.ndarray:
    """Which folds test each patient, shape (n_patients, n_folds); a patient may be tested in several.

    Parameters
    ----------
    scores : Scores
        Scores of an arm.
    folds : ndarray, shape (n_folds,)
        The folds to look for.
    """
    known = ~np.isnan(scores.values)
    return np.stack([known[:, scores.folds == fold].any(axis=1) for fold in folds], axis=1)


def in_common(arms: Sequence[Scores]) -> list[Scores]:
    """The arms without what they cannot be compared in: values of a patient in a fold in which an arm has none.

    Means of the arms would be over different folds. All patients and trainings stay; the values become NaN.

    Parameters
    ----------
    arms : sequence of Scores
        Same patients in the same order.
    """
    folds = np.unique(np.concatenate([arm.folds for arm in arms]))
    tested = np.logical_and.reduce([tested_in(arm, folds) for arm in arms])
    return [
        arm._replace(values=np.where(tested[:, np.searchsorted(folds, arm.folds)], arm.values, np.nan))
        for arm in arms
    ]


def nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of the known values along an axis; NaN if there is none."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
    return mean
