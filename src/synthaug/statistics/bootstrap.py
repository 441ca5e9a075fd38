"""Hierarchical bootstrap of an arm's mean: resamples patients and folds, then generator seeds, then trainings."""

from __future__ import annotations

import numpy as np

from synthaug.statistics.scores import Scores, patient_means


class Bootstrap:
    """Bootstrap replicates of arms' means. All arms share the resampled patients and folds.

    Parameters
    ----------
    folds : ndarray, shape (n_folds,)
        Names of the folds.
    tested : ndarray of bool, shape (n_patients, n_folds)
        Which folds test each patient. Patients are resampled among those that the same folds test. If a patient
        is tested in several folds, the folds are resampled too.
    replicates : int
        Number of replicates.
    seed : int
        Random seed of the resampling.
    """

    def __init__(self, folds: np.ndarray, tested: np.ndarray, replicates: int, seed: int) -> None:
        self.folds, self.replicates, self.seed = folds, replicates, seed
        rng = np.random.default_rng(seed)
        n, k = tested.shape
        self._counts = np.zeros((replicates, n))
        for pattern in np.unique(tested, axis=0)[::-1]:  # the first fold first
            alike = (tested == pattern).all(axis=1)
            count = int(alike.sum())
            self._counts[:, alike] = rng.multinomial(count, np.full(count, 1 / count), replicates)
        self._times = np.ones((replicates, k))
        if (tested.sum(axis=1) > 1).any():
            self._times = rng.multinomial(k, np.full(k, 1 / k), replicates).astype(float)
        self._shares = tested / tested.sum(axis=1, keepdims=True)

    def means(self, scores: Scores, stream: int) -> np.ndarray:
        """Means over patients, shape (n_replicates,).

        Parameters
        ----------
        scores : Scores
            The arm's values for the patients of this bootstrap, at least one per patient. A missing value
            is replaced by the mean of its patient.
        stream : int
            Number of the random stream that resamples the trainings: a different one for each arm.
        """
        rng = np.random.default_rng([self.seed, 1 + stream])
        filled = np.where(np.isnan(scores.values), patient_means(scores)[:, None], scores.values)
        total, patients = np.zeros(self.replicates), np.zeros(self.replicates)
        for number, fold in enumerate(self.folds):
            runs = np.flatnonzero(scores.folds == fold)
            weights = resample_trainings(scores.generator_seeds[runs], self.replicates, rng)
            sums = self._counts @ (filled[:, runs] * self._shares[:, number, None])
            total += self._times[:, number] * (sums * weights).sum(axis=1)
            # A patient whom not all folds test counts more in replicates that drew its folds.
            patients += self._times[:, number] * (self._counts @ self._shares[:, number])
        means: np.ndarray = total / patients
        return means


def resample_trainings(generator_seeds: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of one fold's trainings in each replicate: resamples generator seeds, then trainings.

    Parameters
    ----------
    generator_seeds : ndarray, shape (n_runs,)
        Generator seed of each training.
    replicates : int
        Number of replicates.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    ndarray, shape (n_replicates, n_runs)
        Each row sums to 1.
    """
    names = np.unique(generator_seeds)
    weights = np.zeros((replicates, len(generator_seeds)))
    rows = np.arange(replicates)
    members = [np.flatnonzero(generator_seeds == name) for name in names]
    for _ in names:
        chosen = rng.integers(len(names), size=replicates)
        for number, runs in enumerate(members):
            hit = rows[chosen == number]
            counts = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), len(hit))
            weights[np.ix_(hit, runs)] += counts / len(runs) / len(names)
    return weights
