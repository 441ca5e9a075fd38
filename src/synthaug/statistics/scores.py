"""Result rows per patient as arrays, one level (metric, structure, phase, vendor) at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.metric_registry import METRICS

#: Columns that identify one training of an arm.
RUN = ("fold", "generator_seed", "training_seed")


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
    """

    values: np.ndarray
    folds: np.ndarray
    generator_seeds: np.ndarray


class Level(NamedTuple):
    """Scores of all arms in one metric, at one level.

    Attributes
    ----------
    metric : str
        Name in `synthaug.metric_registry.METRICS`.
    structure, phase, vendor : str or None
        Restriction of the values; None: all.
    broadest : bool
        Whether this is the broadest level of the metric.
    scores : mapping of str to Scores
        Scores by name of the arm; all arms have the same patients.
    """

    metric: str
    structure: str | None
    phase: str | None
    vendor: str | None
    broadest: bool
    scores: Mapping[str, Scores]


def levels_of(measured: pd.DataFrame, arms: Sequence[Arm]) -> Iterator[Level]:
    """Levels of every metric: structures and phases pooled, each of them, and each of these by vendor.

    Parameters
    ----------
    measured : DataFrame
        Result rows per patient with a value.
    arms : sequence of Arm
        All arms; an arm without rows has a single column of NaN.
    """
    for metric in dict.fromkeys(measured["metric"]):
        rows = measured[measured["metric"] == metric]
        places = rows[["structure", "phase"]].drop_duplicates().reset_index(drop=True)
        patients = pd.Index(sorted(rows["subject"].unique()))
        vendors = rows.drop_duplicates("subject").set_index("subject")["vendor"].reindex(patients)
        arrays = {arm.name: _array(rows[rows["arm"] == arm.name], patients, places) for arm in arms}
        pools = METRICS[metric].endpoint and len(places) > 1
        subsets: list[tuple[str | None, np.ndarray]] = [(None, np.ones(len(patients), bool))]
        names = sorted(vendors.dropna().unique())
        if len(names) > 1:
            subsets += [(str(name), vendors.eq(name).fillna(False).to_numpy(bool)) for name in names]
        if pools:
            # One value per patient: the mean over the structures and phases that have a value.
            pooled = {name: _mean_over_places(array) for name, (array, _, _) in arrays.items()}
            for vendor, chosen in subsets:
                yield Level(metric, None, None, vendor, True, _scores(arrays, chosen, pooled))
        for number, place in enumerate(places.itertuples(index=False)):
            structure, phase = (None if pd.isna(part) else str(part) for part in place)
            here = {name: array[:, :, number] for name, (array, _, _) in arrays.items()}
            for vendor, chosen in subsets:
                yield Level(metric, structure, phase, vendor, not pools, _scores(arrays, chosen, here))


_Array = tuple[np.ndarray, np.ndarray, np.ndarray]


def _array(rows: pd.DataFrame, patients: pd.Index, places: pd.DataFrame) -> _Array:
    """Values (patient, training, place), with fold and generator seed of each training."""
    if rows.empty:
        return np.full((len(patients), 1, len(places)), np.nan), np.zeros(1), -np.ones(1)
    # An arm without a generator has no generator seed: -1.
    keys = pd.MultiIndex.from_frame(rows[list(RUN)].astype(float).fillna(-1))
    runs = keys.unique().sort_values()
    spots = pd.MultiIndex.from_frame(places.astype("string").fillna(""))
    spot = spots.get_indexer(
        pd.MultiIndex.from_frame(rows[["structure", "phase"]].astype("string").fillna(""))
    )
    array = np.full((len(patients), len(runs), len(places)), np.nan)
    array[patients.get_indexer(pd.Index(rows["subject"])), runs.get_indexer(keys), spot] = rows[
        "value"
    ].to_numpy(float)
    folds, generator_seeds = (np.asarray(runs.get_level_values(key)) for key in ("fold", "generator_seed"))
    return array, folds, generator_seeds


def _mean_over_places(array: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a patient without any value stays NaN
        mean: np.ndarray = np.nanmean(array, axis=2)
    return mean


def _scores(
    arrays: Mapping[str, _Array], chosen: np.ndarray, values: Mapping[str, np.ndarray]
) -> dict[str, Scores]:
    return {
        name: Scores(values[name][chosen], folds, generator_seeds)
        for name, (_, folds, generator_seeds) in arrays.items()
    }


def patient_means(scores: Scores) -> np.ndarray:
    """Mean of each patient over the trainings that scored it, shape (n_patients,); NaN if none did."""
    known = ~np.isnan(scores.values)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.where(known, scores.values, 0.0).sum(axis=1) / known.sum(axis=1)
    return means


def fold_of_patients(scores: Scores) -> np.ndarray:
    """Test fold of each patient, shape (n_patients,); NaN if no training scored it."""
    known = ~np.isnan(scores.values)
    return np.where(known.any(axis=1), scores.folds[known.argmax(axis=1)], np.nan)
