"""Dose and response: whether more synthetic subjects of one generator give better segmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.config.arms import Arm, reference_of
from synthaug.statistics.scores import Scores, patient_means

_FEWEST_DOSES = 3  # a trend through two is a difference


def dose_series(arms: Sequence[Arm]) -> list[list[Arm]]:
    """Arms that differ in dose only, by rising dose, after the same real patients alone as dose 0.

    Series of three doses at least; arms of another share of real patients, or drawn or damaged in
    another way, are another series.
    """
    series: dict[tuple[object, ...], list[Arm]] = {}
    for arm in sorted(arms, key=lambda arm: arm.dose):
        if arm.real and arm.generator and arm.control is None:
            alike = (arm.generator, arm.real, arm.real_share, arm.pretrain, arm.corruption)
            alone = reference_of(arm, arms)
            series.setdefault(alike, [] if alone is None else [alone]).append(arm)
    return [
        members
        for members in series.values()
        if len({arm.dose for arm in members}) == len(members) >= _FEWEST_DOSES
    ]


def slope_weights(doses: Sequence[float]) -> np.ndarray:
    """Weights of the arms' means whose sum is the least-squares slope per unit of dose."""
    centred = np.asarray(doses, np.float64) - np.mean(doses)
    weights: np.ndarray = centred / (centred**2).sum()
    return weights


def page_trend_p(arms: Sequence[Scores]) -> float | None:
    """Two-sided p-value of Page's test of a trend over the arms in their order.

    Parameters
    ----------
    arms : sequence of Scores
        Three or more, with the same patients.

    Returns
    -------
    float or None
        Twice the smaller p-value of a rise and a fall; None with fewer than two patients that all
        arms scored.

    References
    ----------
    Page, J. Am. Stat. Assoc. 58, 1963.
    """
    from scipy.stats import page_trend_test

    means = np.stack([patient_means(arm) for arm in arms], axis=1)
    means = np.round(means[~np.isnan(means).any(axis=1)], 12)  # so that equal values tie
    if len(means) < 2:
        return None
    return min(1.0, 2 * min(float(page_trend_test(side).pvalue) for side in (means, means[:, ::-1])))
