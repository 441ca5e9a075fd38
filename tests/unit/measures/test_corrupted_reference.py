"""Generators compared with corrupted real cines: quotients by hand, words, and when there are none."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corrupted_reference import CONTROLLED, measure_against_corrupted
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS, CORRUPTIONS
from synthaug.metric_registry import find_metric
from synthaug.report.rows import records
from synthaug.report.sections.metric_sensitivity import corrupted_lines

MEASUREMENT = Measurement(
    {"generator": "cascade", "fold": 0, "generator_seed": 0},
    EvaluationSettings(splits=8),
)
SHUFFLED, BLURRED = CONTROLS


def subjects(n: int, shift: float = 0.0, seed: int = 0, **meta: str) -> FeatureSet:
    """Subjects whose features are those of the same seed, shifted along one axis."""
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(n, 6, 4)) + shift * np.eye(4)[0]
    features = {kind: list(made.astype(np.float32)) for kind in ("temporal", "spatial")}
    return FeatureSet(tuple(f"r{i}" for i in range(n)), features, "made", **meta)


def measure(synthetic: FeatureSet, corrupted: dict[str, FeatureSet], real: FeatureSet | None = None):
    real = subjects(20) if real is None else real
    return measure_against_corrupted(real, synthetic, corrupted, real.subjects, MEASUREMENT)


def test_the_controls_are_corruptions_of_every_study():
    assert set(CONTROLS) <= set(CORRUPTIONS)


def test_a_quotient_by_hand():
    # The Fréchet distance of a shift is its square, so far away that nothing else counts: (200 / 400) squared.
    rows = measure(subjects(30, 200, seed=1), {BLURRED: subjects(20, 400)})
    assert rows["metric"].to_list() == [f"{name}_control" for name in CONTROLLED]
    assert rows["value"].to_numpy() == pytest.approx(0.25, rel=0.01)
    assert (rows["ci_low"] < rows["value"]).all() and (rows["value"] < rows["ci_high"]).all()
    assert (rows["floor"] < 0.001).all() and set(rows["n"]) == {10}
    assert set(rows["versus"]) == {BLURRED} and set(rows["generator"]) == {"cascade"}


def test_the_floor_is_what_uncorrupted_subjects_would_have():
    """A corruption that does nothing leaves them at 1, and other real subjects there too."""
    rows = measure(subjects(30, seed=1), {SHUFFLED: subjects(20)})
    assert rows["floor"].to_numpy() == pytest.approx(1)
    assert ((rows["ci_low"] < 1) & (rows["ci_high"] > 1)).all()


def test_words_follow_the_interval():
    corrupted = {SHUFFLED: subjects(20), BLURRED: subjects(20, 8)}
    lines = corrupted_lines(records(measure(subjects(30, 4, seed=1), corrupted)))
    said = {(line["metric"], line["control"]): line for line in lines}
    assert said["FVD-T", BLURRED]["word"] == "closer" and said["FVD-T", SHUFFLED]["word"] == "farther"
    assert said["FVD-T", SHUFFLED]["theirs"] == pytest.approx(1)
    assert said["FVD-T", BLURRED]["own"] == pytest.approx(said["FVD-T", SHUFFLED]["own"], rel=0.01)
    same = corrupted_lines(records(measure(subjects(30, 8, seed=1), {BLURRED: subjects(20, 8)})))
    assert {line["word"] for line in same} == {"not different"}


def test_too_few_subjects_an_absent_extractor_and_one_of_images():
    few = measure(subjects(30), {BLURRED: subjects(7)})
    assert set(few["status"]) == {"not_measured"} and few["note"].str.contains("7 corrupted and 30").all()
    gone = FeatureSet((), {}, "i3d", absent="no weights")
    absent = measure(gone, {BLURRED: gone}, gone)
    assert set(absent["status"]) == {"extractor_absent"} and set(absent["note"]) == {"no weights"}
    assert {line["word"] for line in corrupted_lines(records(few))} == {""}
    images = FeatureSet(("r0",), {"frames": [np.zeros((2, 3))]}, "inception")
    assert measure(images, {BLURRED: images}, images).empty


def test_the_metric_is_defined():
    found = find_metric("fvd_t_control")
    assert found is not None and found.definition == "frechet.temporal.v1/control" and found.unit == "1"
