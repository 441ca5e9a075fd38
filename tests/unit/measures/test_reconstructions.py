"""Distances of reconstructions, by hand, and the report's table of them."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.reconstructions import RECONSTRUCTED, measure_reconstructions
from synthaug.metric_registry import find_metric
from synthaug.report.rows import records
from synthaug.report.sections.reconstruction import reconstruction_table

MEASUREMENT = Measurement({"versus": "vae", "fold": 0, "generator_seed": 1}, EvaluationSettings(splits=8))


def subjects(
    n: int, shift: float = 0.0, kinds: tuple[str, ...] = ("frames", "temporal", "spatial")
) -> FeatureSet:
    """The same subjects whatever the shift along the first axis."""
    rows = np.random.default_rng(0).normal(size=(n, 6, 4)) + shift * np.eye(4)[0]
    features = {kind: list(rows.astype(np.float32)) for kind in kinds}
    return FeatureSet(tuple(f"r{i}" for i in range(n)), features, "made")


def measure(reconstructed: FeatureSet, real: FeatureSet | None = None):
    real = subjects(24) if real is None else real
    return measure_reconstructions(real, reconstructed, real.subjects, MEASUREMENT)


def test_subjects_that_come_back_unchanged_are_at_the_floor():
    rows = measure(subjects(20))
    assert rows["metric"].to_list() == [f"{name}_reconstruction" for name in RECONSTRUCTED]
    assert rows["value"].to_numpy() == pytest.approx(1) and set(rows["n"]) == {10}
    assert rows["ci_low"].to_numpy() == pytest.approx(1)  # numerator and denominator are the same draw


def test_a_shift_counts_by_its_square():
    # So far away nothing else counts: the Fréchet distance of a shift is its square.
    near, far = (measure(subjects(20, shift))["value"].to_numpy() for shift in (200, 400))
    assert far / near == pytest.approx(4, rel=0.01)


def test_an_image_extractor_says_nothing_of_clips_and_the_table_has_what_there_is():
    images = measure(subjects(20, kinds=("frames",)), subjects(24, kinds=("frames",)))
    assert images["metric"].to_list() == ["fid_reconstruction"]
    (line,) = reconstruction_table(records(images))["rows"]
    name, fold, seed, fid, n = line
    assert (name, fold, seed, n) == ("vae", 0, 1, 10)
    assert fid["value"] == pytest.approx(1)


def test_too_few_and_none():
    few = measure(subjects(7))
    assert set(few["status"]) == {"not_measured"} and few["note"].str.contains("8 are needed").all()
    gone = FeatureSet((), {}, "inception", absent="no weights")
    assert set(measure(gone, gone)["status"]) == {"extractor_absent"}
    assert reconstruction_table([])["rows"] == []


def test_the_metric_is_defined():
    found = find_metric("fvd_t_reconstruction")
    assert (
        found is not None and found.definition == "frechet.temporal.v1/reconstruction" and found.unit == "1"
    )
