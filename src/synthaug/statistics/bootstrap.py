"""Hierarchical bootstrap of an arm's mean: patients, then generator seeds, then trainings."""

from __future__ import annotations

import numpy as np

from synthaug.statistics.scores import Scores, patient_means


class Bootstrap:
    """Replicates of arms' means, drawing the same patients for all arms.

    Parameters
    ----------
    folds : ndarray, shape (n_patients,)
        Fold of each patient; they are drawn within their fold.
    replicates : int
        Number of replicates.
    seed : int
        Seed of all draws.
    """

    def __init__(self, folds: np.ndarray, replicates: int, seed: int) -> None:
        self.folds, self.replicates, self.seed = folds, replicates, seed
        rng = np.random.default_rng(seed)
        self._patients: dict[float, np.ndarray] = {}
        for fold in np.unique(folds):
            count = int((folds == fold).sum())
            self._patients[float(fold)] = rng.multinomial(count, np.full(count, 1 / count), replicates)

    def means(self, scores: Scores, stream: int) -> np.ndarray:
        """Means over patients, shape (n_replicates,).

        Parameters
        ----------
        scores : Scores
            The arm's values for the patients of this bootstrap; one a patient at least. A value that
            lacks is taken to be its patient's mean.
        stream : int
            Which independent draws of trainings to take: another number for every arm.
        """
        rng = np.random.default_rng([self.seed, 1 + stream])
        filled = np.where(np.isnan(scores.values), patient_means(scores)[:, None], scores.values)
        total = np.zeros(self.replicates)
        for fold, patients in self._patients.items():
            runs = np.flatnonzero(scores.folds == fold)
            weights = draw_trainings(scores.draws[runs], self.replicates, rng)
            sums = patients @ filled[np.ix_(self.folds == fold, runs)]
            total += (sums * weights).sum(axis=1)
        means: np.ndarray = total / len(self.folds)
        return means


def draw_trainings(draws: np.ndarray, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of the trainings of one fold in each replicate: generator seeds first, then trainings.

    Parameters
    ----------
    draws : ndarray, shape (n_runs,)
        Generator seed of each training.
    replicates : int
        Number of replicates.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    ndarray, shape (n_replicates, n_runs)
        Each row sums to 1.
    """
    names = np.unique(draws)
    weights = np.zeros((replicates, len(draws)))
    rows = np.arange(replicates)
    members = [np.flatnonzero(draws == name) for name in names]
    for _ in names:
        chosen = rng.integers(len(names), size=replicates)
        for number, runs in enumerate(members):
            hit = rows[chosen == number]
            counts = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), len(hit))
            weights[np.ix_(hit, runs)] += counts / len(runs) / len(names)
    return weights
