"""How well a measured quantity agrees with its reference: correlation, bias, limits of agreement."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Agreement(NamedTuple):
    """Bland-Altman agreement of two methods.

    Attributes
    ----------
    bias : float
        Mean difference, measured minus reference.
    lower, upper : float
        95 % limits of agreement, bias -/+ 1.96 standard deviations (n - 1).
    """

    bias: float
    lower: float
    upper: float


def bland_altman(measured: np.ndarray, reference: np.ndarray) -> Agreement:
    """Bias and 95 % limits of agreement, in the unit of the values.

    Parameters
    ----------
    measured, reference : ndarray, shape (n,)
        Paired values; at least two pairs.

    Raises
    ------
    ValueError
        Fewer than two pairs, or lengths that differ.

    References
    ----------
    Bland and Altman, Lancet 327, 1986.
    """
    difference = np.subtract(*_check_pairs(measured, reference))
    bias, spread = float(difference.mean()), 1.96 * float(difference.std(ddof=1))
    return Agreement(bias, bias - spread, bias + spread)


def pearson_correlation(measured: np.ndarray, reference: np.ndarray) -> float:
    """Pearson's correlation coefficient; NaN where one side does not vary.

    Parameters
    ----------
    measured, reference : ndarray, shape (n,)
        Paired values; at least two pairs.

    Raises
    ------
    ValueError
        Fewer than two pairs, or lengths that differ.
    """
    pairs = _check_pairs(measured, reference)
    if any(np.ptp(values) == 0 for values in pairs):  # less a mean that was rounded they need not be 0
        return float("nan")
    first, second = (values - values.mean() for values in pairs)
    scale = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.clip(first @ second / scale, -1, 1)) if scale > 0 else float("nan")


def _check_pairs(measured: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(measured, np.float64), np.asarray(reference, np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"at least two pairs of values are needed; shapes are {first.shape} and {second.shape}"
        )
    return first, second
