"""Dose-response: slope and trend of a metric over the doses of one generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.config.arms import Arm, reference_of
from synthaug.statistics.scores import Scores, in_common, patient_means

_FEWEST_DOSES = 3  # with two doses a trend is a difference


def dose_series(arms: Sequence[Arm]) -> list[list[Arm]]:
    """Series of arms that differ in dose only, by rising dose; dose 0 is the same real patients only.

    A series has at least three doses. Arms with other real patients, another sampling or a corruption
    form another series.
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
    """Weights of the arms' means; the weighted sum is the least-squares slope per unit of dose."""
    centred = np.asarray(doses, np.float64) - np.mean(doses)
    weights: np.ndarray = centred / (centred**2).sum()
    return weights


def page_trend_p(arms: Sequence[Scores]) -> float | None:
    """Two-sided p-value of Page's test of a trend over the ordered arms.

    Parameters
    ----------
    arms : sequence of Scores
        Three or more arms with the same patients.

    Returns
    -------
    float or None
        Twice the smaller p-value of both directions; None with fewer than two patients that all arms
        scored.

    References
    ----------
    Page, J. Am. Stat. Assoc. 58, 1963.
    """
    from scipy.stats import page_trend_test

    means = np.stack([patient_means(arm) for arm in in_common(arms)], axis=1)
    means = np.round(means[~np.isnan(means).any(axis=1)], 12)  # so that equal values tie
    if len(means) < 2:
        return None
    return min(1.0, 2 * min(float(page_trend_test(side).pvalue) for side in (means, means[:, ::-1])))
