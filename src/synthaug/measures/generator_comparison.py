"""Distances of generators to the same real patients, divided by each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import count_patients, draw_visits
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.measures.synthetic_sample import joined, sample_synthetic
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.metrics.split_jackknife import Split, split_quotient
from synthaug.tables import Row, make_table

#: Distances that are positive: KID, which may be 0 or less, has no quotient.
COMPARED = ("fid", "cmmd", "fvd_t", "fvd_s", "f4d")
_FEWEST = 3  # patients of a set, so that it still has a covariance with one left out


def compare_generators(
    real: FeatureSet,
    synthetic: Mapping[str, FeatureSet],
    references: Mapping[str, Sequence[str]],
    measurement: Measurement,
) -> pd.DataFrame:
    """Distances of each generator over those of every generator before it, to the same real patients.

    Parameters
    ----------
    real : FeatureSet
        Features of real subjects, with the patients of visits.
    synthetic : mapping of str to FeatureSet
        Features of the synthetic cohort of each generator, by the same extractor, in the order of the study.
    references : mapping of str to sequence of str
        Sets of real subjects. The features of the first define the whitening, where the extractor asks for it.
    measurement : Measurement
        Fold and generator seed; number of draws, coverage, seed. Progress counts quotients.

    Returns
    -------
    DataFrame
        Rows ``<metric>_quotient`` of `generator` (numerator) and `other_generator`; `versus` names the reference.
        n is the number of patients of the smallest of the three cohorts. The value is the mean distance of n
        real patients to n subjects of the one generator over that to n of the other, in random draws: below 1
        the generator is closer. The interval is a jackknife over patients: a real patient is left out of
        numerator and denominator at once, so that what both have in common cancels.

    Raises
    ------
    ValueError
        Features are of several extractors.

    Notes
    -----
    Cohorts of one size have the same draws, so that a generator over an equal one is exactly 1. At small n the bias
    that both distances have draws the quotient to 1.
    """
    absent = next((side.absent for side in (real, *synthetic.values()) if side.absent), "")
    if not absent and {side.extractor for side in synthetic.values()} != {real.extractor}:
        raise ValueError("features of the generators and of the real subjects are of several extractors")
    transforms = {} if absent else fit_transforms(real.select(next(iter(references.values()))))
    samples = {name: sample_synthetic(side, measurement.settings) for name, side in synthetic.items()}
    pairs = list(combinations(synthetic, 2))
    total, done = len(references) * len(COMPARED) * len(pairs), 0
    rows: list[Row] = []
    for versus, subjects in references.items():
        reference = real.select(subjects)
        for metric in COMPARED:
            made = (
                {}
                if absent
                else _distances(
                    metric, reference, {name: side for name, (side, _) in samples.items()}, transforms
                )
            )
            for other, generator in pairs:
                measurement.report(done, total)
                done += 1
                about = measurement.with_fields(
                    versus=versus, extractor=real.extractor, generator=generator, other_generator=other
                )
                if absent:
                    rows.append(about.row(metric, "_quotient", status="extractor_absent", note=absent))
                elif made:
                    units = reference.units(), samples[generator][0].units(), samples[other][0].units()
                    found = _quotient(made[generator], made[other], units, measurement.settings)
                    notes = (f"{name}: {samples[name][1]}" for name in (generator, other) if samples[name][1])
                    found["note"] = joined(found.get("note", ""), *notes)
                    rows.append(about.row(metric, "_quotient", **found))
    measurement.report(total, total)
    return make_table(rows)


def _distances(
    metric: str,
    reference: FeatureSet,
    synthetic: Mapping[str, FeatureSet],
    transforms: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, SubjectDistance]:
    """Distance of the reference to each generator; empty where the extractor has no such features."""
    sides = {
        name: transformed_rows(side, KINDS[metric], dict(transforms)) for name, side in synthetic.items()
    }
    own = transformed_rows(reference, KINDS[metric], dict(transforms))
    if own is None:
        return {}
    return {name: subject_distance(metric, own, rows) for name, rows in sides.items() if rows is not None}


def _quotient(
    numerator: SubjectDistance,
    denominator: SubjectDistance,
    units: tuple[np.ndarray, np.ndarray, np.ndarray],
    settings: EvaluationSettings,
) -> Row:
    """Columns of one quotient; `units` are those of the reference and of both generators."""
    n_real, n_first, n_second = map(count_patients, units)
    n = min(n_real, n_first, n_second)
    if n < _FEWEST:
        note = f"{n_real} real, {n_first} and {n_second} synthetic subjects; at least {_FEWEST} of each are needed"
        return {"status": "not_measured", "n": n, "note": note}
    splits = _draws(n, units, settings)

    def distances(split: Split) -> tuple[float, float]:
        return numerator(split[0], split[1]), denominator(split[0], split[2])

    try:
        found, _ = split_quotient(distances, splits, (0, 1, 2), settings.confidence, units)
    except ZeroDivisionError:
        return {"status": "not_measured", "n": n, "note": "the distance in the denominator is 0"}
    return {"status": "ok", "n": n, "value": found.value, "ci_low": found.low, "ci_high": found.high}


def _draws(n: int, units: Sequence[np.ndarray], settings: EvaluationSettings) -> list[Split]:
    """Random sets of n patients of each cohort, sorted; the same for synthetic cohorts of one size."""
    sources = [np.random.default_rng([settings.seed, synthetic]) for synthetic in (0, 1, 1)]
    return [
        tuple(
            np.sort(draw_visits(rng.permutation(count_patients(own))[:n], own, rng))
            for rng, own in zip(sources, units, strict=True)
        )
        for _ in range(settings.splits)
    ]
