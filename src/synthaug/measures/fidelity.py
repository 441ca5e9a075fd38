"""Precision, recall, density and coverage of a synthetic cohort, one vector a patient."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import patient_means, subject_features
from synthaug.measures.synthetic_sample import joined, sample_synthetic
from synthaug.metrics.manifold import ManifoldScores, manifold_scores
from synthaug.tables import make_table

#: Neighbours that span a ball; part of the definition.
NEIGHBOURS = 5
#: Below so many subjects a set the scores rest on a handful of neighbours.
_COARSE = 50


def measure_fidelity(
    real: FeatureSet,
    synthetic: FeatureSet,
    reference: Sequence[str],
    measurement: Measurement,
    training: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Manifold scores in the feature space of F4D.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    reference : sequence of str
        Real subjects to compare with.
    measurement : Measurement
        Generator, fold and seeds; `versus` names the reference.
    training : sequence of str, optional
        Real subjects whose features define the whitening, the same for every reference; those of the reference if not given.

    Returns
    -------
    DataFrame
        A row a score, between all real patients (visits averaged) and all synthetic subjects, `n` being the smaller
        number; none for an extractor of single images, which says nothing about a subject's clips.
    """
    chosen = real.select(reference)
    synthetic, sampled = sample_synthetic(synthetic, measurement.settings)
    found = subject_features(chosen, synthetic, real.select(reference if training is None else training))
    if found is None:
        return make_table([])
    vectors = patient_means(found[0], chosen.units()), found[1]
    n_real, n_synthetic = len(vectors[0]), len(vectors[1])
    measurement = measurement.with_fields(extractor=real.extractor, n=min(n_real, n_synthetic))
    sizes = joined(sampled, f"{n_real} real patients and {n_synthetic} synthetic subjects")
    if min(n_real, n_synthetic) <= NEIGHBOURS:
        note = f"{sizes}; more than {NEIGHBOURS} of each are needed"
        return make_table(measurement.not_measured(name, note=note) for name in ManifoldScores._fields)
    coarse = f", coarse below {_COARSE} of each" if min(n_real, n_synthetic) < _COARSE else ""
    scores = manifold_scores(*vectors, k=NEIGHBOURS)
    return make_table(
        measurement.row(name, status="ok", value=value, note=sizes + coarse)
        for name, value in scores._asdict().items()
    )
