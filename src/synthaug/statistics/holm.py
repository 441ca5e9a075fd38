"""Correction for several comparisons of one declared family."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Holm's step-down correction.

    Parameters
    ----------
    p_values : iterable of float
        p-values of one family.

    Returns
    -------
    ndarray, shape (m,)
        Adjusted p-values, in the same order, at most 1.

    References
    ----------
    Holm, Scand. J. Stat. 6, 1979.
    """
    plain = np.asarray(list(p_values), np.float64)
    order = np.argsort(plain, kind="stable")
    stepped = plain[order] * np.arange(len(plain), 0, -1)
    adjusted = np.empty_like(plain)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted
