"""The cap on synthetic subjects: seeded, exact, and said in the rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet
from synthaug.measures.distances import measure_distances
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import fit_transforms, transformed_rows
from synthaug.measures.synthetic_sample import sample_cohort, sample_synthetic


def cohort(n: int, seed: int) -> FeatureSet:
    rows = list(np.random.default_rng(seed).normal(size=(n, 3, 2)))
    kinds = {"frames": rows, "temporal": rows, "spatial": rows}
    return FeatureSet(tuple(f"{seed}-{i}" for i in range(n)), kinds, "made")


def test_visits_of_a_patient_are_one_point_of_the_real_manifold():
    real, synthetic = cohort(30, 0), cohort(30, 1)
    again = {f"{subject}-again": subject for subject in real.subjects}
    twice = replace(
        real,
        subjects=real.subjects + tuple(again),
        features={kind: rows + rows for kind, rows in real.features.items()},
        patients=again,
    )
    once = measure_fidelity(real, synthetic, real.subjects, Measurement())
    scores = measure_fidelity(twice, synthetic, twice.subjects, Measurement())
    assert set(scores.n) == {30}
    np.testing.assert_allclose(scores.value.astype(float), once.value.astype(float))


def test_every_reference_is_compared_in_the_space_of_the_training_patients():
    """Features that the training patients whitened beforehand give the scores of features that are whitened by them here."""
    stretched = {
        kind: [rows * [1.0, 50.0] for rows in arrays] for kind, arrays in cohort(60, 0).features.items()
    }
    real = replace(cohort(60, 0), features=stretched, whiten=True)
    train, test = real.subjects[:40], real.subjects[40:]
    synthetic = replace(cohort(30, 1), whiten=True)
    transforms = fit_transforms(real.select(train))

    def whitened(features):
        kinds = {kind: transformed_rows(features, kind, transforms) for kind in features.features}
        return replace(features, features=kinds, whiten=False)

    scores = measure_fidelity(real, synthetic, test, Measurement(), train)
    by_hand = measure_fidelity(whitened(real), whitened(synthetic), test, Measurement())
    np.testing.assert_allclose(scores.value.astype(float), by_hand.value.astype(float))


def test_as_many_as_allowed_are_drawn_by_the_seed():
    synthetic, settings = cohort(80, 1), EvaluationSettings(max_synthetic_subjects=50)
    (sample, note), (again, _) = sample_synthetic(synthetic, settings), sample_synthetic(synthetic, settings)
    assert len(set(sample.subjects)) == 50 and sample.subjects == again.subjects
    assert list(sample.subjects) == [name for name in synthetic.subjects if name in sample.subjects]
    assert "50 of 80" in note
    other, _ = sample_synthetic(synthetic, EvaluationSettings(max_synthetic_subjects=50, seed=1))
    assert other.subjects != sample.subjects


def test_few_enough_are_all_kept():
    synthetic = cohort(50, 1)
    assert sample_synthetic(synthetic, EvaluationSettings(max_synthetic_subjects=50))[0] is synthetic


def requested(generator: str, numbers: list[int]) -> Cohort:
    """A cohort of those requests that a generator's samples passed quality control for."""
    subjects = [f"{generator}-s0-{number:04d}" for number in numbers]
    table = pd.DataFrame({"subject": subjects}).set_index("subject", drop=False)
    folders = {subject: Path(subject) for subject in subjects}
    return Cohort(generator, "synthetic", table, folders, {"generator": generator})


def test_generators_are_measured_on_the_same_requests():
    settings = EvaluationSettings(max_synthetic_subjects=50)
    whole, few = requested("a", list(range(200))), requested("b", [n for n in range(200) if n % 10])
    (first, note), (second, _) = sample_cohort(whole, settings), sample_cohort(few, settings)
    assert len(first.subjects) == len(second.subjects) == 50 and "50 of 200 synthetic" in note
    drawn, other = ({subject[1:] for subject in sample.subjects} for sample in (first, second))
    # What is lost is what b has not, about a tenth, and as many others come in.
    assert drawn & {subject[1:] for subject in few.subjects} <= other
    assert list(first.subjects) == sorted(first.subjects)
    assert sample_cohort(requested("a", list(range(50))), settings)[1] == ""
    elsewhere, _ = sample_cohort(whole, EvaluationSettings(max_synthetic_subjects=50, seed=1))
    assert elsewhere.subjects != first.subjects


def test_rows_have_the_number_that_was_used():
    settings = EvaluationSettings(splits=2, max_synthetic_subjects=50)
    real, synthetic = cohort(120, 0), cohort(80, 1)
    measurement = Measurement(settings=settings)
    rows = measure_distances(real, synthetic, {"real": real.subjects}, measurement)
    measured = rows[rows.status == "ok"]
    assert set(measured.n) == {50} and measured.note.str.contains("50 of 80 synthetic").all()
    scores = measure_fidelity(real, synthetic, real.subjects, measurement)
    assert set(scores.n) == {50} and scores.note.str.contains("50 of 80 synthetic").all()
