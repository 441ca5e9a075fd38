"""Estimates of copying, from the similarity of synthetic, training and held-out subjects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom, binomtest

#: Level of the flag "nearer to a training patient than a new patient would be".
LEVEL = 0.05
_PERMUTATIONS = 9999


class Estimate(NamedTuple):
    """An estimate with its interval: a proportion of subjects, or another statistic of a set.

    Attributes
    ----------
    value : float
        The estimate; a proportion is in [0, 1].
    ci_low, ci_high : float
        Ends of the interval; of a proportion, Wilson's of 95 %.
    n : int
        Subjects behind it.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int


class ComparedShare(NamedTuple):
    """A proportion of subjects, what is expected of it without memorisation, and a one-sided test of that."""

    value: float
    floor: float
    p_value: float
    n: int


def proportion(found: np.ndarray) -> Estimate:
    """Proportion of True, with its interval; at least one value."""
    count, n = int(np.count_nonzero(found)), len(found)
    interval = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return Estimate(count / n, float(interval.low), float(interval.high), n)


def copy_threshold(of_copies: np.ndarray, missed: float = 0.05) -> float:
    """Similarity from which on a subject is as similar to a training patient as that patient's own copy.

    Parameters
    ----------
    of_copies : ndarray, shape (k,)
        Similarity of positive controls to the patient they are copies of; at least one.
    missed : float
        Share of further copies below the threshold, at most. Fewer than 19 controls do not determine the 5th
        percentile: their smallest is taken, and 1 / (k + 1) are missed.
    """
    rank = max(1, int(missed * (len(of_copies) + 1) + 1e-9))
    return float(np.sort(of_copies)[rank - 1])


def conformal_p(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Split-conformal p-value of each score: how often a new patient has one at least as large.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Largest similarity of each subject to the training patients.
    held_out : ndarray, shape (m,)
        The same of real patients whom neither the generator nor anything that measures similarity has seen.

    Returns
    -------
    ndarray, shape (n,)
        (1 + number of held-out scores that are at least as large) / (m + 1). Of a new real patient, who is
        exchangeable with those held out, it is at most p with probability p, for every p that is a multiple of
        1 / (m + 1).

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005. Shafer and Vovk, A tutorial on
    conformal prediction, JMLR 2008.
    """
    order = np.sort(held_out)
    larger = len(order) - np.searchsorted(order, scores, side="left")
    return np.asarray((1 + larger) / (len(order) + 1))


def fewest_held_out(level: float = LEVEL) -> int:
    """Held-out patients from whom on a conformal p-value can be as small as the level: 19 for 0.05."""
    return int(np.ceil(1 / level - 1e-9)) - 1


def unusually_near(p_values: np.ndarray, held_out: int, level: float = LEVEL) -> ComparedShare | None:
    """Share of subjects that are nearer to a training patient than a new patient would be.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
        From `conformal_p`.
    held_out : int
        Number of held-out patients behind them.
    level : float
        A subject counts where its p-value is at most this.

    Returns
    -------
    ComparedShare or None
        `floor` is the share expected of new real patients. `p_value`: probability of as many among n new real
        patients; their number is beta-binomial, since all are compared with the same held-out patients. None below
        `fewest_held_out`.
    """
    rank = int(level * (held_out + 1) + 1e-9)
    if rank < 1:
        return None
    flagged = p_values <= level + 1e-9
    count, n = int(np.count_nonzero(flagged)), len(flagged)
    p_value = betabinom.sf(count - 1, n, rank, held_out + 1 - rank)
    return ComparedShare(count / n, rank / (held_out + 1), float(min(1.0, p_value)), n)


def nearest_is_training(similarity_to_real: np.ndarray, training: int, seed: int = 0) -> ComparedShare:
    """Share of synthetic subjects whose most similar real patient is a training one, tested by permutation.

    Parameters
    ----------
    similarity_to_real : ndarray, shape (n_synthetic, n_train + n_held_out)
        Similarity to every real patient; those who train stand first.
    training : int
        How many train.
    seed : int
        Of the permutations.

    Returns
    -------
    ComparedShare
        `floor` is n_train / (n_train + n_held_out). `p_value`: share of 9,999 permutations of who trained, and of
        the observed assignment, in which at least as many synthetic subjects have a training patient nearest.
        It is exact where similarity does not depend on who trained. Synthetic subjects need not be independent, and
        their variety does not matter.
    """
    patients = similarity_to_real.shape[1]
    chosen = np.bincount(similarity_to_real.argmax(axis=1), minlength=patients)
    observed = int(chosen[:training].sum())
    rng = np.random.default_rng(seed)
    # A permutation draws n_train patients without replacement; patients chosen equally often are alike.
    times, patients_of = np.unique(chosen, return_counts=True)
    drawn = rng.multivariate_hypergeometric(patients_of, training, _PERMUTATIONS, method="marginals") @ times
    p_value = (1 + np.count_nonzero(drawn >= observed)) / (1 + _PERMUTATIONS)
    n = len(similarity_to_real)
    return ComparedShare(observed / n, training / patients, float(p_value), n)


def authenticity(
    synthetic_to_train: np.ndarray, train_to_train: np.ndarray, patients: np.ndarray | None = None
) -> Estimate:
    """Proportion of synthetic subjects farther from their training neighbour than that one from another patient.

    Parameters
    ----------
    synthetic_to_train : ndarray, shape (n_synthetic, n_train)
        Distances.
    train_to_train : ndarray, shape (n_train, n_train)
        Distances; those between visits of one patient are not looked at.
    patients : ndarray, shape (n_train,), optional
        Number of the patient of each training subject; without it each is one.

    Notes
    -----
    The neighbour's own distance is looked up by the *training* subject's index. Two public
    implementations use the synthetic one's, and find hardly any of the positive controls.

    References
    ----------
    Alaa et al., ICML 2022.
    """
    units = np.arange(len(train_to_train)) if patients is None else patients
    own = np.where(units[:, None] == units, np.inf, train_to_train)
    nearest = synthetic_to_train.argmin(axis=1)
    return proportion(synthetic_to_train.min(axis=1) > own.min(axis=1)[nearest])


def nearest_neighbour_ratio(synthetic_to_train: np.ndarray, patients: np.ndarray | None = None) -> float:
    """Median of the distances to the nearest over the second nearest training patient; near 0 where single ones are copied.

    Parameters
    ----------
    synthetic_to_train : ndarray, shape (n_synthetic, n_train)
        Distances; those to a patient's nearest visit count.
    patients : ndarray, shape (n_train,), optional
        Number of the patient of each training subject, from 0; without it each is one.
    """
    if patients is not None:
        visits = [synthetic_to_train[:, patients == patient] for patient in range(patients.max() + 1)]
        synthetic_to_train = np.stack([distances.min(axis=1) for distances in visits], axis=1)
    two = np.sort(synthetic_to_train, axis=1)[:, :2]
    return float(np.median(two[:, 0] / np.maximum(two[:, 1], np.finfo(float).tiny)))
