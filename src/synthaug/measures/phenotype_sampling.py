"""Phenotypes drawn from a model beside those of real patients: marginals, correlations, copies."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from scipy.spatial import cKDTree

from synthaug.measures.distance_quotient import random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.estimates import (
    LEVEL,
    conformal_p,
    fewest_held_out,
    proportion,
    unusually_near,
)
from synthaug.measures.subject_frechet import SubjectFrechet
from synthaug.metrics.split_jackknife import Split, split_jackknife
from synthaug.models.phenotype_sampler import PhenotypeSampler, read_phenotypes
from synthaug.tables import Row, make_table

#: Hearts that are drawn for the comparison.
DRAWN = 1000
#: Patients that a correlation or an interval of a mean needs.
FEWEST = 3
#: Real patients of each half below which no distance is measured: what is left of a set, without one of the 40 groups
#: of drawn hearts, must still have two.
FEWEST_OF_HALF = 6
#: Real patients with all phenotypes below which no copies are looked for.
_FEWEST_COMPLETE = 8


def measure_phenotype_sampling(
    sampler: PhenotypeSampler,
    training: pd.DataFrame,
    held_out: pd.DataFrame,
    measurement: Measurement,
) -> pd.DataFrame:
    """Compare hearts drawn from a model of phenotypes with real patients.

    Parameters
    ----------
    sampler : PhenotypeSampler
        Trained.
    training, held_out : DataFrame
        Rows of the cohort's table of the training subjects, and of real subjects of the training vendors that no model
        has seen; with the sampler's phenotypes. Of a patient with several visits the first counts.
    measurement : Measurement
        Model (as `generator`), fold and seed; number of splits, coverage of the intervals, seed.

    Returns
    -------
    DataFrame
        Result rows. Against ``real train`` and ``real held out``: of each phenotype (`target`) the standardised mean
        difference (synthetic minus real, over the SD of the training patients) and the Wasserstein distance in SDs; over
        all coordinates the mean absolute difference of their correlations and the Fréchet distance, with its ratio to
        the floor. Distances are between as many synthetic as real patients, mean over random splits, beside the
        distance of the two real halves (`floor`). Share of drawn hearts that cannot be, and how near the drawn hearts
        are to training patients.
    """
    training, held_out = _one_visit(training), _one_visit(held_out)
    samples = sampler.sample(DRAWN, torch.Generator().manual_seed(measurement.settings.seed))
    again = np.arange(samples.drawn) >= DRAWN
    wrong = proportion(again)._asdict()
    note = f"of {samples.drawn} hearts drawn; they are drawn again"
    rows: list[Row] = [measurement.row("phenotype_impossible_share", status="ok", note=note, **wrong)]
    drawn = _Hearts.of(sampler, samples.table)
    real = _Hearts.of(sampler, training)
    scale = _Scale.of(real)
    for versus, table in (("real train", training), ("real held out", held_out)):
        compared = measurement.with_fields(versus=versus)
        reference = _Hearts.of(sampler, table)
        rows += _mean_differences(reference, drawn, scale, compared)
        rows += _distances(reference.scaled(scale), drawn.scaled(scale), compared)
    rows += _copies(real, _Hearts.of(sampler, held_out), drawn, scale, measurement)
    return make_table(rows)


def _one_visit(table: pd.DataFrame) -> pd.DataFrame:
    """The first visit of each patient."""
    if "patient" not in table.columns:
        return table
    patients = table["patient"].astype("string").fillna(table["subject"].astype("string"))
    return table[~patients.duplicated().to_numpy(bool)]


class _Hearts:
    """Phenotypes and coordinates of hearts.

    Attributes
    ----------
    phenotypes : DataFrame
        In the units of the registry, NaN where unknown.
    coordinates : ndarray, shape (n, d)
        NaN where unknown.
    """

    def __init__(self, phenotypes: pd.DataFrame, coordinates: np.ndarray) -> None:
        self.phenotypes, self.coordinates = phenotypes, coordinates

    @classmethod
    def of(cls, sampler: PhenotypeSampler, table: pd.DataFrame) -> _Hearts:
        names = list(sampler.phenotypes)
        phenotypes = read_phenotypes(table, names)[names].astype(np.float64)
        return cls(phenotypes, sampler.coordinates.read(phenotypes))

    def __len__(self) -> int:
        return len(self.phenotypes)

    def scaled(self, scale: _Scale) -> _Hearts:
        """In standard deviations of the training patients, without coordinates in which they do not differ."""
        coordinates = (self.coordinates - scale.mean) / scale.coordinates
        known = np.isfinite(scale.coordinates)
        return _Hearts(self.phenotypes / scale.phenotypes, coordinates[:, known | ~known.any()])

    def complete(self) -> np.ndarray:
        """Coordinates of the hearts all of whose coordinates are known."""
        return self.coordinates[np.isfinite(self.coordinates).all(axis=1)]


class _Scale:
    """Standard deviations of the training patients' phenotypes and coordinates, and means of the latter."""

    def __init__(self, phenotypes: pd.Series, mean: np.ndarray, coordinates: np.ndarray) -> None:
        self.phenotypes, self.mean, self.coordinates = phenotypes, mean, coordinates

    @classmethod
    def of(cls, training: _Hearts) -> _Scale:
        # NaN where the training patients do not differ: nothing is so many of their deviations.
        coordinates = training.coordinates
        phenotypes, deviations = training.phenotypes.std(ddof=1), np.nanstd(coordinates, axis=0, ddof=1)
        return cls(
            phenotypes.where(phenotypes > 0),
            np.nanmean(coordinates, axis=0),
            np.where(deviations > 0, deviations, np.nan),
        )


def _mean_differences(
    real: _Hearts, drawn: _Hearts, scale: _Scale, measurement: Measurement
) -> Iterator[Row]:
    """Standardised mean difference of each phenotype, with Welch's interval."""
    metric = "phenotype_mean_difference"
    for name in real.phenotypes.columns:
        known = real.phenotypes[name].dropna().to_numpy(np.float64)
        place = {"target": str(name), "n": len(known)}
        if len(known) < FEWEST:
            note = f"{len(known)} real patients have it; {FEWEST} are needed"
            yield measurement.not_measured(metric, note=note, **place)
            continue
        made, deviation = drawn.phenotypes[name].to_numpy(np.float64), float(scale.phenotypes[name])
        if not deviation > 0:
            yield measurement.not_measured(metric, note="the training patients do not differ in it", **place)
            continue
        interval = stats.ttest_ind(made, known, equal_var=False).confidence_interval(
            measurement.settings.confidence
        )
        yield measurement.row(
            metric,
            status="ok",
            value=(made.mean() - known.mean()) / deviation,
            ci_low=float(interval.low) / deviation,
            ci_high=float(interval.high) / deviation,
            **place,
        )


def _distances(real: _Hearts, drawn: _Hearts, measurement: Measurement) -> Iterator[Row]:
    """Wasserstein distances, difference of correlations and Fréchet distance beside their floors."""
    for name in real.phenotypes.columns:
        sides = (hearts.phenotypes[name].to_numpy(np.float64) for hearts in (real, drawn))
        # Splits of the patients who have it: of all, a half would have it of few, and be compared with more drawn hearts.
        known, made = (values[np.isfinite(values)] for values in sides)
        place = {"target": str(name)}
        if not len(made):
            note = f"the training patients do not differ in it, or too few have it: {2 * FEWEST_OF_HALF} are needed"
            yield measurement.not_measured("phenotype_wasserstein", note=note, **place)
            continue
        marginal = functools.partial(_both, real=known, drawn=made, distance=wasserstein)
        sizes = len(known), len(made)
        yield from _beside_floor("phenotype_wasserstein", place, sizes, marginal, measurement)
    over_all = {"d": real.coordinates.shape[1]}
    correlations = functools.partial(
        _both,
        real=real.coordinates,
        drawn=_as_known(drawn.coordinates, real.coordinates, measurement.settings.seed),
        distance=correlation_difference,
    )
    yield from _beside_floor(
        "phenotype_correlation_difference", over_all, (len(real), len(drawn)), correlations, measurement
    )
    complete = [[row[None] for row in side.complete()] for side in (real, drawn)]
    within, across = SubjectFrechet(complete[0]), SubjectFrechet(*complete)

    def frechet(split: Split) -> list[float]:
        reference, other, made = split
        if min(map(len, split)) < 2:  # a set of hearts that were nearly all left out
            return [np.nan, np.nan]
        return [across(reference, made), within(reference, other)]

    sizes = len(complete[0]), len(complete[1])
    yield from _beside_floor(
        "phenotype_frechet", over_all, sizes, frechet, measurement, suffixes=("", "_ratio")
    )


def _as_known(drawn: np.ndarray, real: np.ndarray, seed: int) -> np.ndarray:
    """Drawn hearts (n, d) without what a random real patient lacks: as many values stand behind a correlation of either."""
    if not len(real):
        return drawn
    patients = np.random.default_rng(seed).integers(len(real), size=len(drawn))
    return np.where(np.isfinite(real)[patients], drawn, np.nan)


def _both(
    split: Split,
    real: np.ndarray,
    drawn: np.ndarray,
    distance: Callable[[np.ndarray, np.ndarray], float],
) -> list[float]:
    """Distance of a split's reference to its synthetic hearts, and to its other real ones."""
    reference, other, made = split
    return [distance(real[reference], drawn[made]), distance(real[reference], real[other])]


def wasserstein(first: np.ndarray, second: np.ndarray) -> float:
    """Wasserstein distance of order 1 of the known values (n,) of two samples; NaN where one has none."""
    known = [values[np.isfinite(values)] for values in (first, second)]
    return float(stats.wasserstein_distance(*known)) if all(map(len, known)) else float("nan")


def correlation_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of the correlations of two samples (n, d), each over the rows that have both values.

    Pairs that are constant, or known of fewer than three, in either sample do not count; NaN without any.
    """
    differences = np.abs(_correlations(first) - _correlations(second))
    above = differences[np.triu_indices(len(differences), 1)]
    return float(np.nanmean(above)) if np.isfinite(above).any() else float("nan")


def _correlations(values: np.ndarray) -> np.ndarray:
    """Pairwise-complete Pearson correlations (d, d); NaN where there is none."""
    known = np.isfinite(values).astype(np.float64)
    filled = np.where(known > 0, values, 0.0)
    counts = known.T @ known
    with np.errstate(divide="ignore", invalid="ignore"):
        means = filled.T @ known / counts  # of the row's variable where the column's is known
        squares = (filled**2).T @ known / counts - means**2
        products = filled.T @ filled / counts - means * means.T
        correlations = products / np.sqrt(squares * squares.T)
    usable = (counts >= FEWEST) & (squares > 1e-12) & (squares.T > 1e-12)
    return np.where(usable, correlations, np.nan)


def _beside_floor(
    metric: str,
    place: Mapping[str, Any],
    sizes: tuple[int, int],
    distances: Callable[[Split], Sequence[float]],
    measurement: Measurement,
    suffixes: Sequence[str] = ("",),
) -> Iterator[Row]:
    """Rows of a mean distance over random splits: `distances` gives the distance and its floor."""
    settings, (n_real, n_drawn) = measurement.settings, sizes
    n = min(n_real // 2, n_drawn)
    if n < FEWEST_OF_HALF:
        what = "it" if "target" in place else "the phenotypes"
        note = f"{n_real} real patients have {what}; {2 * FEWEST_OF_HALF} are needed"
        for suffix in suffixes:
            yield measurement.not_measured(metric, suffix, note=note, n=n, **place)
        return

    def statistics(means: np.ndarray) -> list[float]:
        return [float(means[0]), float(means[0] / means[1]) if means[1] > 0 else np.nan]

    splits = random_splits(n, np.arange(n_real), settings, np.arange(n_drawn))
    found, whole = split_jackknife(distances, statistics, splits, (0, 0, 1), settings.confidence)
    floors = whole[:, 1]
    floor = {"floor": floors.mean(), "floor_sd": floors.std(ddof=1)}
    for suffix, (value, low, high) in zip(suffixes, found, strict=False):
        if not np.isfinite(value):
            note = "too few real patients have two phenotypes in a half, or they do not differ"
            yield measurement.not_measured(metric, suffix, note=note, n=n, **place)
            continue
        yield measurement.row(
            metric,
            suffix,
            status="ok",
            value=value,
            ci_low=max(low, 0.0),
            ci_high=high,
            n=n,
            **({} if suffix else floor),
            **place,
        )


def _copies(
    training: _Hearts, held_out: _Hearts, drawn: _Hearts, scale: _Scale, measurement: Measurement
) -> Iterator[Row]:
    """How near the drawn hearts are to their nearest training patient, compared with held-out patients."""
    metrics = ("phenotype_unusually_near_share", "phenotype_conformal_p")
    references, new, made = (side.scaled(scale).complete() for side in (training, held_out, drawn))
    if len(references) < _FEWEST_COMPLETE or not len(new):
        note = (
            f"{len(references)} training and {len(new)} held-out patients have all phenotypes; {_FEWEST_COMPLETE} and 1 "
            "are needed"
        )
        for metric in metrics:
            yield measurement.not_measured(metric, note=note)
        return
    nearest = cKDTree(references)
    # A similarity, as the estimates of memorisation take it: larger is nearer.
    p_values = conformal_p(-nearest.query(made)[0], -nearest.query(new)[0])
    attainable = f"{len(new)} held-out patients; the smallest attainable p is {1 / (len(new) + 1):.3f}"
    share = unusually_near(p_values, len(new))
    if share is None:
        note = f"{attainable}; {fewest_held_out()} are needed for p of {LEVEL}"
        yield measurement.not_measured(metrics[0], note=note, n=len(made))
    else:
        note = f"conformal p of at most {LEVEL}; {attainable}"
        yield measurement.row(metrics[0], status="ok", note=note, **share._asdict())
    middle = float(np.median(p_values))
    note = f"median over the drawn hearts; {attainable}"
    yield measurement.row(
        metrics[1], status="ok", value=middle, floor=0.5, n=len(made), d=made.shape[1], note=note
    )
