"""Ratios of two generators' distances: equal generators, who is closer, what is left out, when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.generator_comparison import compare_generators
from synthaug.measures.measurement import Measurement

MEASUREMENT = Measurement({"fold": 0}, EvaluationSettings(splits=4))


def cohort(n: int, seed: int, shift: float = 0.0, visits: int = 1, name: str = "s") -> FeatureSet:
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(size=(n, 1, 3)) + shift, visits, axis=0)
    rows = own + 0.1 * rng.normal(size=(n * visits, 2, 3))
    subjects = tuple(f"{name}{i}" for i in range(n * visits))
    patients = {subject: f"p{i // visits}" for i, subject in enumerate(subjects)} if visits > 1 else {}
    return FeatureSet(subjects, {"frames": list(rows)}, "made", patients=patients)


def compare(real: FeatureSet, **synthetic: FeatureSet):
    return compare_generators(real, synthetic, {"real train": real.subjects}, MEASUREMENT)


def test_equal_generators_are_exactly_1_with_an_interval_about_it():
    made = cohort(12, 1, 1.0)
    (row,) = compare(cohort(10, 0), one=made, two=made).itertuples()
    assert row.metric == "fid_quotient" and row.value == 1.0 and row.n == 10
    assert row.ci_low < 1 < row.ci_high


def test_the_later_generator_over_the_earlier_for_every_pair():
    made = {
        name: cohort(20, seed, shift) for seed, (name, shift) in enumerate({"a": 4, "b": 1, "c": 9}.items())
    }
    rows = compare(cohort(20, 7), **made)
    assert list(zip(rows.generator, rows.other_generator, strict=True)) == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    values = dict(zip(rows.generator + rows.other_generator, rows.value, strict=True))
    assert values["ba"] < 1 < values["ca"]
    # All cohorts have 20 subjects, so that every draw is all of them, and ratios multiply.
    assert values["ca"] == pytest.approx(values["cb"] * values["ba"])
    assert (rows.ci_low < rows.value).all() and (rows.value < rows.ci_high).all()


def test_n_counts_patients_and_visits_left_out_together_widen_the_interval():
    real, made = cohort(8, 0, visits=4), {"one": cohort(40, 1, 1.0), "two": cohort(40, 2, 2.0)}
    (whole,) = compare(real, **made).itertuples()
    separate = FeatureSet(real.subjects, real.features, "made")
    (visits,) = compare(separate, **made).itertuples()
    assert (whole.n, visits.n) == (8, 32)
    assert whole.ci_high - whole.ci_low > 1.3 * (visits.ci_high - visits.ci_low)


def test_reasons_for_no_ratio():
    real = cohort(6, 0)
    few = compare(real, one=cohort(2, 1), two=cohort(6, 2))
    assert set(few.status) == {"not_measured"} and "2 and" not in few.note[0] and "6 and 2" in few.note[0]
    gone = FeatureSet((), {}, "made", absent="no weights")
    assert set(compare(real, one=gone, two=real).status) == {"extractor_absent"}
    with pytest.raises(ValueError, match="several extractors"):
        compare(real, one=real, two=FeatureSet(real.subjects, real.features, "other"))
    assert compare(real, one=real).empty


def test_a_capped_cohort_says_so():
    settings = EvaluationSettings(splits=2, max_synthetic_subjects=50)
    real, made = cohort(6, 0), {"one": cohort(60, 1), "two": cohort(20, 2)}
    (row,) = compare_generators(real, made, {"r": real.subjects}, Measurement(settings=settings)).itertuples()
    assert row.note.startswith("one: 50 of 60 synthetic subjects")
