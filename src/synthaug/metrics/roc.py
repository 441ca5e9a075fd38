"""Area under the ROC curve from pairs of a positive and a negative patient, with DeLong's variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Auc(NamedTuple):
    """Area under a ROC curve and its variance; the variance is NaN with fewer than two patients on a side."""

    value: float
    variance: float


def ordered_pairs(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """How often each positive patient scores above each negative one.

    Parameters
    ----------
    positive, negative : ndarray, shape (n_runs, n_positive), (n_runs, n_negative)
        Scores of the patients in each training; NaN where a training did not score the patient.

    Returns
    -------
    ndarray, shape (n_positive, n_negative)
        1 where the positive patient scores higher, 1/2 where both score the same, else 0; mean over the trainings that
        scored both, NaN where none did.
    """
    total = np.zeros((positive.shape[1], negative.shape[1]))
    count = np.zeros_like(total)
    for first, second in zip(positive, negative, strict=True):
        difference = first[:, None] - second[None, :]
        known = ~np.isnan(difference)
        total += np.where(known, (np.sign(np.where(known, difference, 0)) + 1) / 2, 0)
        count += known
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / count, np.nan)


def delong(pairs: np.ndarray) -> Auc:
    """Area under the ROC curve with DeLong's variance.

    Parameters
    ----------
    pairs : ndarray, shape (n_positive, n_negative)
        From `ordered_pairs`; NaN of patients that no training scored together, such as of two folds.

    Returns
    -------
    Auc
        Mean over the known pairs. The variance is DeLong's: S10 / n_positive + S01 / n_negative, where S10 and S01 are
        the variances of the patients' own means. Where pairs are unknown a patient counts by its known pairs. Trainings
        that were averaged in the pairs give DeLong's variance of their mean area.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988.
    """
    known = ~np.isnan(pairs)
    if not known.any():
        return Auc(float("nan"), float("nan"))
    filled = np.where(known, pairs, 0.0)
    value = float(filled.sum() / known.sum())
    return Auc(value, sum(_of_side(filled.sum(axis), known.sum(axis), value) for axis in (1, 0)))


def _of_side(sums: np.ndarray, counts: np.ndarray, value: float) -> float:
    """Variance from the patients of one side: with all pairs known, the variance of their means over their number."""
    n = int((counts > 0).sum())
    if n < 2:
        return float("nan")
    deviations = (sums - counts * value) / counts.sum()
    return float(n / (n - 1) * (deviations**2).sum())


def weighted_auc(pairs: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of samples in which patients are repeated.

    Parameters
    ----------
    pairs : ndarray, shape (n_positive, n_negative)
        From `ordered_pairs`.
    positive, negative : ndarray, shape (n_samples, n_positive), (n_samples, n_negative)
        How often each sample has each patient.

    Returns
    -------
    ndarray, shape (n_samples,)
        NaN of a sample without a known pair.
    """
    known = ~np.isnan(pairs)
    total = ((positive @ np.where(known, pairs, 0.0)) * negative).sum(axis=1)
    count = ((positive @ known.astype(float)) * negative).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)
