"""How precise a difference between arms is when patients *and* trainings are random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from synthaug.statistics.scores import Scores, fold_of_patients, patient_means


@dataclass(frozen=True)
class Precision:
    """A contrast of arms (such as a paired difference) and the parts of its variance.

    Attributes
    ----------
    value : float
        The contrast, averaged over patients.
    differences : ndarray, shape (n,)
        The contrast in each patient, trainings averaged.
    patients : float
        Variance of `value` that comes from the patients alone, as they differ in their differences.
    patients_df : int
        Degrees of freedom of `patients`: patients minus folds.
    trainings : ndarray, shape (n_arms,)
        Each arm's part of the variance of `value` as the means of its trainings differ; NaN where an
        arm was trained once a fold. Contains `noise`.
    noise : ndarray, shape (n_arms,)
        The part of `trainings`, and of `patients`, that is patient-by-training noise.
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
        """Patients behind the value."""
        return len(self.differences)

    @property
    def known(self) -> bool:
        """Whether every arm was trained often enough to know how trainings differ."""
        return bool((self.trainings_df > 0).all())

    def variance(self, n: int | None = None) -> tuple[float, float]:
        """Variance of the value and its degrees of freedom.

        Parameters
        ----------
        n : int, optional
            Of a study with as many patients instead, everything else alike.

        Returns
        -------
        tuple of float
            Of the patients alone where trainings are not `known`.
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
            # Two trainings are alike by chance now and then: never less than the patients alone show,
            # and no more freedom than a single pair has.
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
        """One-sided p-value of the value being no larger than `bound`; small where it is larger."""
        variance, df = self.variance()
        if variance <= 0:
            return float(self.value <= bound) if self.value != bound else 0.5
        return float(special.stdtr(df, -(self.value - bound) / np.sqrt(variance)))

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the value being no smaller than `bound`; small where it is smaller."""
        variance, df = self.variance()
        if variance <= 0:
            return float(self.value >= bound) if self.value != bound else 0.5
        return float(special.stdtr(df, (self.value - bound) / np.sqrt(variance)))

    def p_equivalence(self, margin: float) -> float:
        """p-value of two one-sided tests: small where the value lies within plus or minus the margin.

        Parameters
        ----------
        margin : float
            Smallest difference that would matter, in the unit of the metric.

        Returns
        -------
        float
            The larger of both p-values; below alpha exactly where the interval of confidence
            1 - 2 alpha lies within the margin.

        References
        ----------
        Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987.
        """
        return max(self.p_above(-margin), self.p_below(margin))


def contrast_precision(arms: Sequence[Scores], weights: Sequence[float]) -> Precision | None:
    """Precision of a weighted sum of arms, over the patients that all of them scored.

    Parameters
    ----------
    arms : sequence of Scores
        Same patients in the same order.
    weights : sequence of float
        Weight of each arm; ``(1, -1)`` for a paired difference.

    Returns
    -------
    Precision or None
        None with fewer than two patients in common, or no fold with two.

    Notes
    -----
    Model: patient, arm by patient, training and patient-by-training noise are random; trainings are
    nested in arm and fold, and where a fold has several generator seeds, the means of each seed's
    trainings are the units. Variances by the method of moments; the degrees of freedom follow
    Satterthwaite, the trainings' part being kept with its noise, which the patients' part gives up.

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
    """Variance of an arm's mean by its trainings, the noise in it, degrees of freedom."""
    n = len(values)
    squares, freedom, noise_squares, noise_freedom = 0.0, 0, 0.0, 0
    share, noise_share = 0.0, 0.0
    for fold, count in counts.items():
        units = training_units(values[folds == fold], arm, fold)
        runs = units.shape[1]
        # Centred by patient, so that a value that is lacking does not shift its training's mean.
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
    """What counts as independent trainings of one fold, shape (n_patients, n_units).

    The trainings; where the fold has several generator seeds, the mean of each seed's trainings,
    as trainings on the same synthetic subjects share the variation of those subjects.
    """
    here = arm.folds == fold
    draws = np.unique(arm.draws[here])
    if len(draws) < 2:
        units = values[:, here]
    else:
        units = np.stack([_nanmean(values[:, here & (arm.draws == draw)], 1) for draw in draws], axis=1)
    return units[:, ~np.isnan(units).all(axis=0)]


def _nanmean(values: np.ndarray, axis: int) -> np.ndarray:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis)
    return mean
