"""Distances of a generator as multiples of those of corrupted real cines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import count_patients, distance_quotient, random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.responses import FEWEST
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.measures.synthetic_sample import sample_synthetic
from synthaug.tables import Row, make_table

#: Distances of whole cines: those of single images cannot see the order of frames.
CONTROLLED = ("fvd_t", "f4d")
_FEWEST_OF_A_SET = 3  # so that it still has a covariance with one subject left out


def measure_against_corrupted(
    real: FeatureSet,
    synthetic: FeatureSet,
    corrupted: Mapping[str, FeatureSet],
    training: Sequence[str],
    measurement: Measurement,
) -> pd.DataFrame:
    """FVD-T and F4D of a synthetic cohort as multiples of those of corrupted real cines.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    corrupted : mapping of str to FeatureSet
        Real training subjects after each corruption, by its name
        (`synthaug.measures.metric_sensitivity.corruptions.CONTROLS`).
    training : sequence of str
        The fold's training subjects: their features define the whitening, as for the distances themselves.
    measurement : Measurement
        Generator, fold and seeds; number of splits, coverage, seed.

    Returns
    -------
    DataFrame
        Rows ``<metric>_control``; `versus` names the corruption. Of the corrupted subjects random disjoint sets A
        and B of n are drawn, and n synthetic subjects. The value is the mean distance from A to the synthetic
        subjects over that from A to B corrupted: below 1 the generator is nearer. `floor` is the same quotient of
        B uncorrupted; near 1 the distance hardly responds to the corruption. The interval is over patients
        (`synthaug.metrics.split_jackknife`).
    """
    absent = real.absent or synthetic.absent
    transforms = {} if absent else fit_transforms(real.select(training))
    synthetic, sampled = sample_synthetic(synthetic, measurement.settings)
    rows: list[Row] = []
    for metric in CONTROLLED:
        for control, features in corrupted.items():
            compared = measurement.with_fields(versus=control, extractor=real.extractor)
            if absent:
                rows.append(compared.row(metric, "_control", status="extractor_absent", note=absent))
                continue
            originals = real.select(features.subjects)
            own, changed, made = (
                transformed_rows(side, KINDS[metric], transforms) for side in (originals, features, synthetic)
            )
            if own is None or changed is None or made is None:
                continue  # an extractor of single images says nothing about clips
            units = originals.units(), synthetic.units()
            n_real, n_made = map(count_patients, units)
            n = min(n_real // 2, n_made)
            if n_real < FEWEST or n < _FEWEST_OF_A_SET:
                note = (
                    f"{n_real} corrupted and {n_made} synthetic subjects; at least {FEWEST} and "
                    f"{_FEWEST_OF_A_SET} are needed"
                )
                rows.append(compared.not_measured(metric, "_control", note=note, n=n))
                continue
            splits = random_splits(n, units[0], measurement.settings, units[1])
            found = distance_quotient(
                subject_distance(metric, own, made),
                subject_distance(metric, own, changed),
                subject_distance(metric, own),
                splits,
                measurement.settings,
                units,
            )
            rows.append(compared.row(metric, "_control", **{"note": sampled, **found}))
    return make_table(rows)
