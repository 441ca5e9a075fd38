"""Maps of feature space: mixing by hand, and points that are there for every subject."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.features.files import FeatureSet
from synthaug.measures.feature_maps import embed, map_features, neighbour_mixing
from synthaug.measures.measurement import Measurement

MEASUREMENT = Measurement({"generator": "g"})


def features(count: int, seed: int, shift: float = 0.0) -> FeatureSet:
    random = np.random.default_rng(seed)
    clips = {
        kind: [random.normal(size=(3, 6)) + shift for _ in range(count)] for kind in ("temporal", "spatial")
    }
    return FeatureSet(tuple(f"s{seed}-{number}" for number in range(count)), clips, "made-up")


def test_mixing_by_hand() -> None:
    # On a line, alternating: every nearest neighbour is of the other set. By chance 2 of 3 would be: 1.5.
    assert neighbour_mixing(np.array([[0.0], [2]]), np.array([[1.1], [3.3]]), k=1) == pytest.approx(1.5)
    assert neighbour_mixing(np.array([[0.0], [1]]), np.array([[9.0], [10]]), k=1) == 0


def test_mixing_of_one_distribution_is_one_and_falls_with_distance() -> None:
    random = np.random.default_rng(0)
    mixing = [
        neighbour_mixing(random.normal(size=(150, 4)), random.normal(size=(100, 4)) + shift)
        for shift in (0, 1, 5)
    ]
    assert mixing[0] == pytest.approx(1, abs=0.1) and mixing[0] > mixing[1] > mixing[2]


def test_every_subject_is_on_the_map() -> None:
    real, synthetic = features(14, 0), features(12, 1, shift=4)
    training = real.subjects[:11]
    points, rows = map_features(real, synthetic, training, MEASUREMENT)
    for kind in ("temporal", "spatial"):
        own = points[points["kind"] == kind]
        assert own.loc[own["set"] == "real", "subject"].tolist() == list(training)
        assert own.loc[own["set"] == "synthetic", "subject"].tolist() == list(synthetic.subjects)
    assert np.isfinite(points[["x", "y"]]).all(axis=None)
    assert (rows["value"] < 0.2).all() and set(rows["status"]) == {"ok"}


def test_a_seed_repeats_the_map() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(size=(12, 4)), random.normal(size=(10, 4))
    np.testing.assert_array_equal(embed(first, second, seed=3), embed(first, second, seed=3))


def test_visits_of_a_patient_count_once_in_mixing() -> None:
    real, synthetic = features(14, 0), features(12, 1)
    again = {f"s0-{number}b": f"s0-{number}" for number in range(14)}
    twice = FeatureSet(
        real.subjects + tuple(again),
        {kind: rows + rows for kind, rows in real.features.items()},
        "made-up",
        patients=again,
    )
    points, rows = map_features(twice, synthetic, twice.subjects, MEASUREMENT)
    _, once = map_features(real, synthetic, real.subjects, MEASUREMENT)
    assert (points["set"] == "real").sum() == 2 * 28 and set(rows["n"]) == {12}
    np.testing.assert_allclose(rows["value"].astype(float), once["value"].astype(float))


def test_few_subjects_and_absent_features_are_said() -> None:
    few, rows = map_features(features(14, 0), features(5, 1), features(14, 0).subjects, MEASUREMENT)
    assert few.empty and set(rows["status"]) == {"not_measured"}
    absent = FeatureSet((), {}, "inception", absent="no weights")
    points, rows = map_features(absent, absent, [], MEASUREMENT)
    assert points.empty and rows.empty
