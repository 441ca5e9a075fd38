"""Generators that were asked for the same hearts, compared request by request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from synthaug.config.conditions import MEASURED
from synthaug.labels import STRUCTURES
from synthaug.measures.controllability import SEGMENTER, controllable, with_requested_ef
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.tables import Row, make_table

#: What is correlated with what was requested.
CONTROLLED = ("lv_edv_ml", "lv_ef", "myo_mass_g")
_FEWEST = 3  # requests that both generators answered
_ROUNDING = 1e-12  # share of the squares that is no variance
_DRAWN = 2**22  # counts of requests in memory at once


@dataclass(frozen=True)
class Answers:
    """What one generator made of its requests.

    Attributes
    ----------
    cohort : DataFrame
        Table of the accepted subjects, with ``requested_`` columns; indexed by `subject`.
    attempts : DataFrame
        Every sample: `subject`, `accepted`.
    measured : DataFrame or None
        `subject` and the columns of `MEASURED`, by the segmenter; None without one.
    agreement : DataFrame or None
        `subject`, `structure`, `phase`, ``mask_agreement_dice``; None without a segmenter.
    copies : DataFrame
        `subject` and `copy`, by the image audit.
    conditions : collection of str or None
        What the generator is conditioned on; see `synthaug.measures.controllability.controllable`.
    """

    cohort: pd.DataFrame
    attempts: pd.DataFrame
    measured: pd.DataFrame | None
    agreement: pd.DataFrame | None
    copies: pd.DataFrame
    conditions: Collection[str] | None = None


#: Of counts of requests (replicates, n): the statistic of each replicate.
Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Quantity:
    """A criterion of one generator: its statistic, which requests say something of it and, of a share, its count and n."""

    statistic: Statistic
    known: np.ndarray
    share: tuple[int, int] | None = None


def compare_requests(answers: Mapping[str, Answers], measurement: Measurement) -> pd.DataFrame:
    """Difference of each generator to every generator before it, in what is measured request by request.

    Parameters
    ----------
    answers : mapping of str to Answers
        By generator, of one fold and generator seed, in the order of the study: their requests with one number are the same.
    measurement : Measurement
        Fold and generator seed; replicates, coverage and seed of the bootstrap.

    Returns
    -------
    DataFrame
        Rows ``generator_difference`` of `generator` minus `other_generator`; `target` names the criterion: acceptance rate,
        controllability (Pearson's r), mask agreement at ED (Dice) and share of copies, each as in the rows of one generator.
        Requests are drawn with replacement, the same for both generators, so that hard requests are hard for both. The
        interval is of these two trainings. `n` counts requests that both say something of.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13. Of two shares that are both 0 or both 1:
    Newcombe, Statistics in Medicine 17, 1998, method 10.
    """
    numbers = sorted(
        {_number(subject, name) for name, one in answers.items() for subject in one.attempts["subject"]}
    )
    quantities = {name: dict(_quantities(name, one, numbers)) for name, one in answers.items()}
    counts = _counts(len(numbers), measurement.settings.replicates, measurement.settings.seed)
    whole = np.ones((1, len(numbers)))
    rows: list[Row] = []
    for other, generator in combinations(answers, 2):
        own, others = quantities[generator], quantities[other]
        for key in (key for key in own if key in others):
            target, unit, about = key
            place = {
                "target": target,
                "unit": unit,
                "generator": generator,
                "other_generator": other,
                **dict(about),
            }
            both = int((own[key].known & others[key].known).sum())
            value = float((own[key].statistic(whole) - others[key].statistic(whole))[0])
            if both < _FEWEST or np.isnan(value):
                why = f"{both} requests say something of both generators, or one does not vary"
                rows.append(measurement.not_measured("generator_difference", note=why, n=both, **place))
                continue
            drawn = np.concatenate(
                [own[key].statistic(block) - others[key].statistic(block) for block in counts]
            )
            low, high = percentile_interval(drawn[~np.isnan(drawn)], measurement.settings.confidence)
            if low == high and (sides := [side.share for side in (own[key], others[key]) if side.share]):
                # No draw varies where both shares are 0, or both 1: that is no certainty.
                low, high = _newcombe(value, sides[0], sides[1], measurement.settings.confidence)
            found = {"value": value, "ci_low": low, "ci_high": high, "n": both}
            rows.append(measurement.row("generator_difference", status="ok", **found, **place))
    return make_table(rows)


def _number(subject: str, generator: str) -> str:
    """Seed and number of a request, which generators share."""
    return subject.removeprefix(f"{generator}-")


#: Criterion, its unit, and the columns that place it.
_Key = tuple[str, str, tuple[tuple[str, str], ...]]


def _quantities(name: str, one: Answers, numbers: list[str]) -> Iterator[tuple[_Key, _Quantity]]:
    """Everything that is measured request by request of one generator."""

    def by_number(subjects: pd.Series, values: pd.Series) -> np.ndarray:
        found = pd.Series(values.to_numpy(float), index=[_number(subject, name) for subject in subjects])
        return found.reindex(numbers).to_numpy()

    attempts = one.attempts.assign(samples=1.0, accepted=one.attempts["accepted"].astype(float))
    asked = attempts.groupby("subject", as_index=False)[["accepted", "samples"]].sum()
    accepted, samples = (by_number(asked["subject"], asked[column]) for column in ("accepted", "samples"))
    yield (
        ("acceptance_rate", "1", ()),
        _Quantity(
            _ratio(accepted, samples), ~np.isnan(samples), (int(np.nansum(accepted)), int(np.nansum(samples)))
        ),
    )
    copies = by_number(one.copies["subject"], one.copies["copy"].astype(float))
    yield (
        ("copied_share", "1", ()),
        _Quantity(_mean(copies), ~np.isnan(copies), (int(np.nansum(copies)), int((~np.isnan(copies)).sum()))),
    )
    if one.measured is not None:
        pairs = with_requested_ef(one.cohort.reset_index(drop=True)).merge(
            one.measured.reset_index(drop=True), on="subject", suffixes=("", "_measured")
        )
        for column in CONTROLLED:
            found = f"{column}_measured" if f"{column}_measured" in pairs else column
            asked_for = f"requested_{column}" in pairs and column in controllable(one.conditions)
            if not asked_for or column not in one.measured:
                continue
            x, y = (by_number(pairs["subject"], pairs[side]) for side in (f"requested_{column}", found))
            condition = MEASURED[column]
            place = {"versus": SEGMENTER, "structure": condition.structure, "phase": condition.phase}
            about = tuple((key, value) for key, value in place.items() if value)
            yield (
                (f"controllability_r_{column}", "1", about),
                _Quantity(_correlation(x, y), ~np.isnan(x + y)),
            )
    if one.agreement is not None:
        for structure in STRUCTURES:
            at_ed = (one.agreement["structure"] == structure) & (one.agreement["phase"] == "ED")
            own = one.agreement[at_ed]
            overlap = by_number(own["subject"], own["mask_agreement_dice"])
            about = (("structure", structure), ("phase", "ED"))
            yield ("mask_agreement_dice", "1", about), _Quantity(_mean(overlap), ~np.isnan(overlap))


def _counts(n: int, replicates: int, seed: int) -> list[np.ndarray]:
    """How often each of n requests is drawn in each replicate, in blocks."""
    rng, size = np.random.default_rng(seed), max(1, _DRAWN // max(n, 1))
    sizes = [min(size, replicates - start) for start in range(0, replicates, size)]
    return [rng.multinomial(n, np.full(n, 1 / n), block).astype(float) for block in sizes] if n else []


def _newcombe(
    value: float, own: tuple[int, int], other: tuple[int, int], confidence: float
) -> tuple[float, float]:
    """Interval of a difference of two shares from their Wilson intervals, as if they were not paired."""
    from scipy.stats import binomtest

    first, second = (binomtest(*side).proportion_ci(confidence, method="wilson") for side in (own, other))
    p, q = own[0] / own[1], other[0] / other[1]
    return (
        value - float(np.hypot(p - first.low, second.high - q)),
        value + float(np.hypot(first.high - p, q - second.low)),
    )


def _ratio(top: np.ndarray, bottom: np.ndarray) -> Statistic:
    def ratio(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: np.ndarray = (counts @ np.nan_to_num(top)) / (counts @ np.nan_to_num(bottom))
        return found

    return ratio


def _mean(values: np.ndarray) -> Statistic:
    return _ratio(values, np.where(np.isnan(values), np.nan, 1.0))


def _correlation(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Pearson's r of the pairs that are complete, from weighted sums; centred first, so that nothing cancels."""
    known = ~np.isnan(x + y)
    x, y = (np.where(known, side - side[known].mean() if known.any() else 0.0, 0.0) for side in (x, y))
    sums = np.stack([known.astype(float), x, y, x * x, y * y, x * y], axis=1)

    def correlation(counts: np.ndarray) -> np.ndarray:
        n, sx, sy, sxx, syy, sxy = (counts @ sums).T
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance, own, other = (
                n * product - first * second
                for product, first, second in ((sxy, sx, sy), (sxx, sx, sx), (syy, sy, sy))
            )
            found: np.ndarray = covariance / np.sqrt(own * other)
        # Of one request drawn n times, or of equal values, rounding leaves a little.
        varies = (own > _ROUNDING * n * sxx) & (other > _ROUNDING * n * syy)
        return np.where(varies, found, np.nan)

    return correlation
