"""Maps by class: neighbours and chance by hand, and who is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.attention_by_class import describe, measure_by_class, points_by_class
from synthaug.measures.measurement import Measurement
from synthaug.tables import make_table

MEASUREMENT = Measurement({"generator": "g"}, EvaluationSettings(replicates=200))


def sample(number: int, diagnosis: str, place: int):
    """Attention lies in a place of the diagnosis; images are all the same."""
    attention = np.zeros((3, 5, 32, 32), np.float32)
    attention[:, 2, place : place + 4, 10:14] = 1 + 0.1 * number
    attention[:, 2, 20, number] = 0.1
    return describe(f"s-{number}", diagnosis, attention, np.ones((3, 5, 32, 32), np.float32))


SAMPLES = [
    *(sample(number, "DCM", 4) for number in range(4)),
    *(sample(number, "HCM", 24) for number in range(4, 7)),
    sample(7, "NOR", 4),  # the only one of its diagnosis
]


def test_maps_that_lie_apart_by_class_have_neighbours_of_their_own_and_equal_images_chance():
    rows = make_table(measure_by_class("wall", SAMPLES, MEASUREMENT)).set_index("metric")
    assert set(rows["n"]) == {7} and set(rows["target"]) == {"wall"}
    assert rows.loc["attention_class", "value"] == 1
    assert "no width" in rows.loc["attention_class", "note"]  # 1 to 1
    assert pd.isna(rows.loc["attention_class_excess", "note"])
    # Of 4 and 3: three of six others for four samples, two of six for three.
    chance = (4 * 3 / 6 + 3 * 2 / 6) / 7
    assert rows.loc["attention_class_chance", "value"] == pytest.approx(chance)
    assert rows.loc["attention_class_excess", "value"] == pytest.approx(1 - chance)
    assert rows.loc["attention_class_excess", "ci_low"] > 0.3
    # Images that are equally near count by their share.
    assert rows.loc["attention_class_image_excess", "value"] == pytest.approx(0)


def test_a_map_is_described_by_where_it_looks_and_not_by_how_much():
    np.testing.assert_allclose(*(sample(3, "DCM", 4).vectors["attention"] for _ in range(2)))
    one = np.zeros((1, 1, 32, 32), np.float32)
    one[..., 4:8, 4:8] = 1
    vectors = [describe("s", "DCM", scale * one, one).vectors for scale in (1.0, 3.0)]
    np.testing.assert_allclose(vectors[0]["attention"], vectors[1]["attention"])
    assert np.linalg.norm(vectors[0]["attention"]) == pytest.approx(1)
    assert vectors[0]["attention"].shape == (256,)


def test_few_samples_or_one_diagnosis_are_not_measured():
    for few in (SAMPLES[:4], SAMPLES[:3] + SAMPLES[4:6], []):
        rows = make_table(measure_by_class("wall", few, MEASUREMENT))
        assert len(rows) == 6 and set(rows["status"]) == {"not_measured"}
    assert points_by_class("wall", [], 0).empty


def test_the_plane_has_each_sample_by_its_map_and_by_its_image():
    points = points_by_class("wall", SAMPLES, 0)
    assert points.groupby("kind").size().to_dict() == {"attention": 7, "image": 7}
    own = points[points["kind"] == "attention"].set_index("subject")
    assert own["diagnosis"].to_dict() == {f"s-{n}": "DCM" if n < 4 else "HCM" for n in range(7)}
    assert np.isfinite(own[["x", "y"]].to_numpy(float)).all()
