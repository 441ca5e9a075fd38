"""Precision of a contrast of arms: its interval and tests, from the components of its variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

#: Standard errors below this, in the unit of the metric, are rounding.
_ROUNDING = 1e-12
#: Trainings of the generator from which on their variation is measured; with fewer the interval is about these only.
FEWEST_GENERATOR_TRAININGS = 3


@dataclass(frozen=True)
class Spread:
    """One estimate of the variance of a contrast: patients, and units that are shared by all patients.

    Attributes
    ----------
    patients : float
        Component due to patients: the variance of the patients' contrasts over n; 0 if the units have
        patients of their own.
    patients_df : float
        Its degrees of freedom.
    trainings : ndarray, shape (n_components,)
        Components due to trainings, trainings of the generator, or folds. NaN if there is one unit only.
    noise : ndarray, shape (n_components,)
        Patient-by-unit noise, contained in `trainings` and in `patients`; it falls with n.
    trainings_df : ndarray, shape (n_components,)
        Degrees of freedom of `trainings`.
    """

    patients: float
    patients_df: float
    trainings: np.ndarray
    noise: np.ndarray
    trainings_df: np.ndarray

    @property
    def known(self) -> bool:
        """Whether the variation between units is known."""
        return bool((self.trainings_df > 0).all())

    def variance(self, ratio: float = 1.0, further: int = 0) -> tuple[float, float]:
        """Variance and degrees of freedom (Satterthwaite).

        Parameters
        ----------
        ratio : float
            Observed number of patients over the number to extrapolate to.
        further : int
            Number of patients to extrapolate to minus the observed number.
        """
        patients_df = self.patients_df + further
        if not self.known:
            return self.patients * ratio, float(patients_df)
        own = max(0.0, self.patients - float(self.noise.sum()))
        trainings = self.trainings
        if further:
            trainings = np.maximum(0.0, self.trainings - self.noise) + self.noise * ratio
            own = own * ratio
        total = own + trainings.sum()
        if self.trainings_df.min() == 1:
            # Two units can agree by chance: the variance is never below that of the patients, and the
            # units have one degree of freedom in total.
            total = max(total, self.patients * ratio)
            spread = trainings.sum() ** 2
        else:
            spread = (trainings**2 / self.trainings_df).sum()
        spread += own**2 / patients_df
        return float(total), float(total**2 / spread) if spread > 0 else float(patients_df)


@dataclass(frozen=True)
class Precision:
    """Contrast of arms (such as a paired difference) and its variance.

    Attributes
    ----------
    value : float
        The contrast, averaged over patients, in the unit of the metric.
    differences : ndarray, shape (n,)
        The contrast in each patient, trainings averaged.
    spreads : tuple of Spread
        Estimates of the variance; the one with the widest interval counts.
    generator_trainings : int or None
        Independent trainings of the generator (folds times generator seeds); None without a generator.
    """

    value: float
    differences: np.ndarray
    spreads: tuple[Spread, ...]
    generator_trainings: int | None = None

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.differences)

    @property
    def known(self) -> bool:
        """Whether the variation between trainings is known."""
        return any(spread.known for spread in self.spreads)

    def variances(self, n: int | None = None) -> list[tuple[float, float]]:
        """Variance and degrees of freedom by each estimate.

        Parameters
        ----------
        n : int, optional
            Number of patients to extrapolate to, all else equal; the observed number by default.
        """
        if n is None:
            return [spread.variance() for spread in self.spreads]
        return [spread.variance(self.n / n, n - self.n) for spread in self.spreads]

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided interval of the value."""
        half = max(
            special.stdtrit(df, (1 + confidence) / 2) * np.sqrt(variance) for variance, df in self.variances()
        )
        return float(self.value - half), float(self.value + half)

    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        return min(1.0, 2 * min(self.p_above(0.0), self.p_below(0.0)))

    def p_above(self, bound: float) -> float:
        """One-sided p-value of the hypothesis value <= `bound`."""
        return self._tail(self.value - bound)

    def p_below(self, bound: float) -> float:
        """One-sided p-value of the hypothesis value >= `bound`."""
        return self._tail(bound - self.value)

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

    def largest(self, size: Callable[[float, float], float], n: int | None = None) -> float:
        """Largest of a quantity (of variance and degrees of freedom) over the estimates of the variance."""
        return max(size(variance, df) for variance, df in self.variances(n))

    def _tail(self, distance: float) -> float:
        return self.largest(lambda variance, df: self._one_tail(distance, variance, df))

    def _one_tail(self, distance: float, variance: float, df: float) -> float:
        if variance <= _ROUNDING**2:
            # Nothing varies: the smallest p-value that a sign-flip test of n patients attains, never 0.
            if abs(distance) <= _ROUNDING:
                return 0.5
            return 0.5**self.n if distance > 0 else 1 - 0.5**self.n
        tail = special.stdtr(df, -distance / np.sqrt(variance))
        return float(max(tail, np.finfo(float).tiny))
