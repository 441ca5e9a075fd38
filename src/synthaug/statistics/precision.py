"""Variance of a contrast of arms with random patients and random trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from synthaug.statistics.scores import Scores, fold_of_patients, patient_means


@dataclass(frozen=True)
class Precision:
    """Contrast of arms (such as a paired difference) and the components of its variance.

    Attributes
    ----------
    value : float
        The contrast, averaged over patients.
    differences : ndarray, shape (n,)
        The contrast in each patient, trainings averaged.
    patients : float
        Component of the variance of `value` due to patients: the variance of the differences over n.
    patients_df : int
        Degrees of freedom of `patients`: patients minus folds.
    trainings : ndarray, shape (n_arms,)
        Component of each arm due to its trainings: the variance of their means. NaN if an arm has one
        training per fold. Contains `noise`.
    noise : ndarray, shape (n_arms,)
        Patient-by-training noise, contained in `trainings` and in `patients`.
    trainings_df : ndarray, shape (n_arms,)
        Degrees of freedom of `trainings`.
    """

    value: float
    differences: np.ndarray
    patients: float
    patients_df: int
    trainings: np.ndarray
    noise: np.ndarray
    trainings_df: np.ndarray

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.differences)

    @property
    def known(self) -> bool:
        """Whether the variation between trainings is known for every arm."""
        return bool((self.trainings_df > 0).all())

    def variance(self, n: int | None = None) -> tuple[float, float]:
        """Variance of the value and its degrees of freedom.

        Parameters
        ----------
        n : int, optional
            Number of patients to extrapolate to, all else equal; the observed number by default.

        Returns
        -------
        tuple of float
            Variance and degrees of freedom; those of the patients only if not `known`.
        """
        ratio = 1.0 if n is None else self.n / n
        patients_df = self.patients_df + (0 if n is None else n - self.n)
        if not self.known:
            return self.patients * ratio, float(patients_df)
        own = max(0.0, self.patients - self.noise.sum())
        trainings = self.trainings
        if n is not None:
            trainings = np.maximum(0.0, self.trainings - self.noise) + self.noise * ratio
            own = own * ratio
        total = own + trainings.sum()
        if self.trainings_df.min() == 1:
            # Two trainings can agree by chance: the variance is never below that of the patients, and the
            # trainings have one degree of freedom in total.
            total = max(total, self.patients * ratio)
            spread = trainings.sum() ** 2
        else:
            spread = (trainings**2 / self.trainings_df).sum()
        spread += own**2 / patients_df
        return float(total), float(total**2 / spread) if spread > 0 else float(patients_df)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided interval of the value."""
        variance, df = self.variance()
        half = special.stdtrit(df, (1 + confidence) / 2) * np.sqrt(variance)
        return float(self.value - half), float(self.value + half)

    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        return min(1.0, 2 * min(self.p_above(0.0), self.p_below(0.0)))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the hypothesis value <= `bound`."""
        variance, df = self.variance()
        if variance <= 0:
            return float(self.value <= bound) if self.value != bound else 0.5
        return float(special.stdtr(df, -(self.value - bound) / np.sqrt(variance)))

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the hypothesis value >= `bound`."""
        variance, df = self.variance()
        if variance <= 0:
            return float(self.value >= bound) if self.value != bound else 0.5
        return float(special.stdtr(df, (self.value - bound) / np.sqrt(variance)))

    def p_equivalence(self, margin: float) -> float:
        """p-value of two one-sided tests of equivalence within plus or minus the margin.

        Parameters
        ----------
        margin : float
            Smallest relevant difference, in the unit of the metric.

        Returns
        -------
        float
            The larger of both p-values; below alpha exactly if the interval of confidence 1 - 2 alpha
            lies within the margin.

        References
        ----------
        Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987.
        """
        return max(self.p_above(-margin), self.p_below(margin))


def contrast_precision(arms: Sequence[Scores], weights: Sequence[float]) -> Precision | None:
    """Precision of a weighted sum of arms over the patients that all of them scored.

    Parameters
    ----------
    arms : sequence of Scores
        Same patients in the same order.
    weights : sequence of float
        Weight of each arm; ``(1, -1)`` for a paired difference.

    Returns
    -------
    Precision or None
        None if no fold has two patients in common.

    Notes
    -----
    Model: patient, arm by patient, training and patient-by-training noise are random. Trainings are
    nested in arm and fold. If a fold has several generator seeds, the units are the means over each
    seed's trainings. Variances: method of moments; the noise is counted once, with the trainings.
    Degrees of freedom: Satterthwaite.

    References
    ----------
    Obuchowski and Rockette, Commun. Stat. Simul. 24, 1995. Hillis, Stat. Med. 26, 2007 and 33, 2014
    (readers there are trainings here). Satterthwaite, Biometrics Bull. 2, 1946.
    """
    means = np.stack([patient_means(arm) for arm in arms])
    kept = ~np.isnan(means).any(axis=0)
    n = int(kept.sum())
    folds = fold_of_patients(arms[0])[kept]
    names, counts = np.unique(folds, return_counts=True)
    df = n - len(names)
    if df < 1:
        return None
    differences = np.asarray(weights, np.float64) @ means[:, kept]
    squares = sum(((part - part.mean()) ** 2).sum() for part in (differences[folds == f] for f in names))
    parts = [
        _trainings(arm.values[kept], arm, folds, dict(zip(names, counts, strict=True)), weight)
        for arm, weight in zip(arms, weights, strict=True)
    ]
    trainings, noise, trainings_df = (np.array(column) for column in zip(*parts, strict=True))
    return Precision(
        float(differences.mean()), differences, float(squares / df / n), df, trainings, noise, trainings_df
    )


def _trainings(
    values: np.ndarray, arm: Scores, folds: np.ndarray, counts: dict[float, int], weight: float
) -> tuple[float, float, int]:
    """Variance of an arm's mean due to its trainings, the noise in it, and degrees of freedom."""
    n = len(values)
    squares, freedom, noise_squares, noise_freedom = 0.0, 0, 0.0, 0
    share, noise_share = 0.0, 0.0
    for fold, count in counts.items():
        units = training_units(values[folds == fold], arm, fold)
        runs = units.shape[1]
        # Centred by patient, so that a missing value does not shift the mean of its training.
        centred = units - _nanmean(units, 1)[:, None]
        effects = np.nan_to_num(_nanmean(centred, 0))
        effects = effects - effects.mean()
        rest = centred - effects
        squares += float((effects**2).sum())
        freedom += runs - 1
        noise_squares += float(np.nansum(rest**2))
        noise_freedom += max(0, count - 1) * (runs - 1)
        share += (count / n) ** 2 / runs
        noise_share += (count / n) ** 2 / runs / count
    if freedom == 0:
        return float("nan"), 0.0, 0
    noise = noise_squares / noise_freedom if noise_freedom else 0.0
    return weight**2 * share * squares / freedom, weight**2 * noise_share * noise, freedom


def training_units(values: np.ndarray, arm: Scores, fold: float) -> np.ndarray:
    """Values of the independent trainings (units) of one fold, shape (n_patients, n_units).

    One generator seed: the units are the trainings. Several: the unit is the mean over each seed's
    trainings, because trainings on the same synthetic subjects are not independent.
    """
    here = arm.folds == fold
    generator_seeds = np.unique(arm.generator_seeds[here])
    if len(generator_seeds) < 2:
        units = values[:, here]
    else:
        members = [here & (arm.generator_seeds == generator_seed) for generator_seed in generator_seeds]
        units = np.stack([_nanmean(values[:, chosen], 1) for chosen in members], axis=1)
    return units[:, ~np.isnan(units).all(axis=0)]


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
    return mean
