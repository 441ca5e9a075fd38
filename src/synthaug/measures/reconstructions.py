"""Distances of reconstructed cines as multiples of those between real ones."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import count_patients, distance_quotient, random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.responses import FEWEST
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.tables import Row, make_table

#: Fréchet distances: the others may be 0 or less between real subjects, and have no multiples of that.
RECONSTRUCTED = ("fid", "fvd_t", "fvd_s", "f4d")


def measure_reconstructions(
    real: FeatureSet,
    reconstructed: FeatureSet,
    training: Sequence[str],
    measurement: Measurement,
) -> pd.DataFrame:
    """Distances between real cines and reconstructions of others, as multiples of those between real ones.

    Parameters
    ----------
    real, reconstructed : FeatureSet
        Features by the same extractor; `reconstructed` are some of the `real` subjects.
    training : sequence of str
        The fold's training subjects: their features define the whitening, as for all other distances.
    measurement : Measurement
        Fold and seed, `versus` naming the autoencoder; number of splits, coverage, seed.

    Returns
    -------
    DataFrame
        Rows ``<metric>_reconstruction``. Of the reconstructed subjects random disjoint sets A and B of n are
        drawn: the value is the mean distance from A to B reconstructed over that from A to B. 1 is no loss that
        the extractor sees. A and B are disjoint: a generator on these latents below this value may have copied
        training subjects. `floor_sd` is the standard deviation of the distance from A to B as a multiple of its
        mean; the interval is over patients (`synthaug.metrics.split_jackknife`).
    """
    rows: list[Row] = []
    measurement = measurement.with_fields(extractor=real.extractor)
    absent = real.absent or reconstructed.absent
    transforms = {} if absent else fit_transforms(real.select(training))
    for metric in RECONSTRUCTED:
        if absent:
            rows.append(measurement.row(metric, "_reconstruction", status="extractor_absent", note=absent))
            continue
        originals = real.select(reconstructed.subjects)
        own, back = (transformed_rows(side, KINDS[metric], transforms) for side in (originals, reconstructed))
        if own is None or back is None:
            continue  # an extractor of single images says nothing about clips, one of clips nothing about images
        units = originals.units()
        n_patients = count_patients(units)
        n = n_patients // 2
        if n_patients < FEWEST:
            note = f"{n_patients} reconstructed subjects; {FEWEST} are needed"
            rows.append(measurement.not_measured(metric, "_reconstruction", note=note, n=n))
            continue
        lossy, within = subject_distance(metric, own, back), subject_distance(metric, own)
        splits = random_splits(n, units, measurement.settings)
        found = distance_quotient(lossy, within, within, splits, measurement.settings, [units])
        rows.append(measurement.row(metric, "_reconstruction", **found))
    return make_table(rows)
