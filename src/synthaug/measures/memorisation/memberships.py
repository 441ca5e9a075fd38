"""Memorisation across folds: how near a generator comes to a patient it was trained with, and without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from synthaug.measures.measurement import Measurement
from synthaug.tables import make_table

METRIC = "membership_effect"
#: Patients without whom nothing is estimated.
FEWEST = 8
_PERMUTATIONS = 9999
_EXCHANGED = 2**22  # patients of permutations in memory at once


def compare_memberships(audits: Sequence[pd.DataFrame], measurement: Measurement) -> pd.DataFrame:
    """Result row of the effect of a patient's membership in the training set of a generator.

    Parameters
    ----------
    audits : sequence of DataFrame
        One a training of the generator (fold and generator seed): columns subject, trains and similarity
        (`synthaug.measures.memorisation.image_audit.Audit`).
    measurement : Measurement
        Generator; seed of the permutations, coverage of the interval.

    Notes
    -----
    Model: similarity of patient p to the nearest synthetic subject of training g = training + patient + effect ×
    (p trained g). What makes one patient or one training more similar than others cancels: the number and
    variety of its synthetic subjects, too. The effect is 0 where nothing is memorised.
    """
    tables = [audit.set_index("subject") for audit in audits]
    everywhere = sorted(set.intersection(*(set(table.index) for table in tables))) if tables else []
    trains = np.array([table["trains"].reindex(everywhere).to_numpy(bool) for table in tables])
    similarity = np.array([table["similarity"].reindex(everywhere).to_numpy(float) for table in tables])
    both = trains.any(axis=0) & ~trains.all(axis=0) if tables else np.zeros(0, bool)
    count = int(both.sum())
    if count < FEWEST:
        note = f"{count} patients train in some folds and not in others; {FEWEST} are needed"
        return make_table([measurement.not_measured(METRIC, note=note, n=count)])
    trains, similarity = trains[:, both].astype(float), similarity[:, both]
    patterns, sizes = np.unique(trains, axis=1, return_counts=True)
    if patterns.shape[1] < 2 or sizes.max() >= count - 1:
        note = "all patients train together: their membership cannot be told from the training"
        return make_table([measurement.not_measured(METRIC, note=note, n=count)])
    value = membership_effect(similarity, trains)
    # Each patient is left out in turn; patients are the unit.
    left_out = np.array(
        [
            membership_effect(np.delete(similarity, patient, axis=1), np.delete(trains, patient, axis=1))
            for patient in range(count)
        ]
    )
    error = np.sqrt((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2))
    half = stats.t.ppf((1 + measurement.settings.confidence) / 2, count - 1) * error
    row = measurement.row(
        METRIC,
        status="ok",
        value=value,
        ci_low=value - half,
        ci_high=value + half,
        floor=0.0,
        p_value=permutation_p(similarity, trains, measurement.settings.seed),
        n=count,
        generator_trainings=len(tables),
        note=f"{len(tables)} trainings of the generator; p by permutation of which patients train together",
    )
    return make_table([row])


def membership_effect(similarity: np.ndarray, trains: np.ndarray) -> float:
    """Least-squares effect of membership, beside an effect of each training and of each patient.

    Parameters
    ----------
    similarity, trains : ndarray, shape (n_trainings, n_patients)
        Similarity of a patient to the nearest synthetic subject of a training; 1 where the patient trains, 0
        elsewhere. `trains` varies within rows and within columns.
    """
    within = _centred(trains)
    return float(np.sum(within * similarity) / np.sum(within**2))


def permutation_p(similarity: np.ndarray, trains: np.ndarray, seed: int = 0) -> float:
    """One-sided p-value of the effect: patients exchange the trainings that they are part of.

    It is exact where folds are drawn at random and similarity does not depend on who trains, whatever the trainings
    have in common.
    """
    # together[q, p]: contribution of patient p's similarities if p were part of the trainings of patient q.
    together = _centred(trains).T @ _centred(similarity)
    patients = np.arange(trains.shape[1])
    rng = np.random.default_rng(seed)
    reached, rows = 0, max(1, _EXCHANGED // len(patients))
    for start in range(0, _PERMUTATIONS, rows):
        count = min(rows, _PERMUTATIONS - start)
        exchanged = rng.permuted(np.tile(patients, (count, 1)), axis=1)
        sums = together[exchanged, patients].sum(axis=1)
        reached += int(np.count_nonzero(sums >= together.trace() - 1e-12))
    return float((1 + reached) / (1 + _PERMUTATIONS))


def _centred(table: np.ndarray) -> np.ndarray:
    """Residuals of a complete two-way table after row and column means."""
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    return np.asarray(table - rows - columns + table.mean())
