"""Attention and effects against the regions that words name: shares and pointing by hand, and who is left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from made_hearts import SPACING, heart

from synthaug.config.attention import AttentionSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.labels import LV, MYO
from synthaug.measures.attention import measure_attention
from synthaug.measures.attention_by_class import POINT_COLUMNS
from synthaug.measures.attention_examples import read_examples, read_points, write_examples
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import NO_WIDTH
from synthaug.metrics.regions import around
from synthaug.synthesis.requests import request_cohort

MEASUREMENT = Measurement({"generator": "g"}, EvaluationSettings(replicates=200))
SETTINGS = AttentionSettings(
    words={"cavity": "LV", "wall": "MYO", "absent": "LV"}, subjects=4, tolerance_mm=0
)
NUMBERS = {f"s-{number}": number for number in range(6)}


class Looking:
    """Attention to "cavity" is the LV, and to "wall" even; a sentence with "wall" brightens the muscle."""

    def sample(self, requests, batch_size=1):
        for subject in requests.subjects:
            cine, labels = heart(NUMBERS[subject])
            masks = np.stack(list(labels.values()))
            brighter = 0.5 * (masks == MYO) * ("wall" in str(requests.table.loc[subject, "sentence"]))
            yield subject, cine + brighter.astype(np.float32), masks

    def attention_maps(self, requests, words):
        for subject, _, labels in self.sample(requests):
            maps = np.full((len(words), *labels.shape), np.nan, np.float32)
            maps[list(words).index("cavity")] = labels == LV
            if "wall" in requests.table.loc[subject, "sentence"]:
                maps[list(words).index("wall")] = 0.5
            yield subject, maps


@pytest.fixture(scope="module")
def measured():
    names = [f"s-{number}" for number in range(6)]
    sentences = ["cavity", "cavity", *["cavity; wall"] * 4]
    table = {"subject": names, "seed": range(6), "n_slices": 5, "sentence": sentences}
    requests = request_cohort(pd.DataFrame(table))
    rows, examples, points = measure_attention(Looking(), requests, SETTINGS, SPACING, MEASUREMENT)
    assert points.empty  # no diagnosis is requested
    return rows.set_index(["target", "metric"]), examples


def test_attention_on_the_region_alone_is_all_of_it(measured):
    rows, _ = measured
    own = rows.loc["cavity"]
    assert own.loc["attention_mass", "value"] == own.loc["attention_pointing", "value"] == 1
    chance = own.loc["attention_mass_chance", "value"]
    shares = []
    for number in range(6):
        labels = np.stack(list(heart(number)[1].values()))
        field = around(labels, SETTINGS.field_mm, SPACING)
        shares.append((labels == LV).sum() / field.sum())
    assert chance == pytest.approx(np.mean(shares))
    assert own.loc["attention_mass_excess", "value"] == pytest.approx(1 - chance)
    assert own.loc["attention_pointing_excess", "ci_low"] > 0.5
    assert own.loc["attention_pointing", "note"] == f"region: LV; {NO_WIDTH}"  # 1 to 1
    # The first four requests with a cavity, and the first four with a wall: all six are sampled.
    assert own.loc["attention_mass", "n"] == 6 and rows.loc["wall"].loc["attention_mass", "n"] == 4


def test_the_effect_of_a_word_is_what_it_brightens(measured):
    rows, _ = measured
    own = rows.loc["wall"]
    assert own.loc["word_effect_mass", "value"] == own.loc["word_effect_pointing", "value"] == 1
    assert own.loc["word_effect_mass_excess", "ci_low"] > 0.5
    # Without its clause the sentences say nothing else of another region that changes the image.
    assert own.loc["word_effect_mass_specific", "status"] == "not_measured"


def test_an_even_map_is_chance(measured):
    rows, _ = measured
    own = rows.loc["wall"]
    for metric in ("attention_mass", "attention_pointing"):
        assert own.loc[metric, "value"] == pytest.approx(own.loc[f"{metric}_chance", "value"])
        assert own.loc[f"{metric}_excess", "value"] == pytest.approx(0, abs=1e-9)


def test_a_word_that_no_sentence_has_is_not_measured(measured):
    rows, examples = measured
    own = rows.loc["absent"]
    assert set(own["status"]) == {"not_measured"} and "0 samples have the word" in own["note"].iloc[0]
    assert {(one.kind, one.word) for one in examples} == {
        ("attention", "cavity"),
        ("attention", "wall"),
        ("effect", "wall"),
    }


def test_a_generator_that_reads_no_sentence_is_not_measured():
    """Guidance 0: no step attends to a word."""

    class Blind(Looking):
        def attention_maps(self, requests, words):
            for subject, maps in super().attention_maps(requests, words):
                yield subject, np.full_like(maps, np.nan)

        def sample(self, requests, batch_size=1):
            blind = requests.table.assign(sentence="")
            yield from super().sample(dataclasses.replace(requests, table=blind))

    table = {"subject": ["s-0", "s-1"], "seed": [0, 1], "n_slices": 5, "sentence": "wall"}
    requests = request_cohort(pd.DataFrame(table))
    rows, examples, _ = measure_attention(Blind(), requests, SETTINGS, SPACING, MEASUREMENT)
    assert set(rows["status"]) == {"not_measured"} and not examples
    assert "0 samples have the word, a map of it" in rows["note"].iloc[0]


def test_examples_are_read_back(measured, tmp_path):
    _, examples = measured
    write_examples(tmp_path / "e.npz", examples)
    back = read_examples(tmp_path / "e.npz")
    assert [(one.kind, one.subject, one.word) for one in back] == [
        (one.kind, one.subject, one.word) for one in examples
    ]
    first = back[0]
    assert first.image.shape == first.heat.shape == first.region.shape and first.heat.max() == 1
    np.testing.assert_array_equal(first.region, examples[0].region)
    write_examples(tmp_path / "none.npz", [])
    assert read_examples(tmp_path / "none.npz") == [] and read_points(tmp_path / "none.npz").empty
    points = pd.DataFrame([["wall", "image", "s-1", "DCM", 0.5, 1.0]], columns=list(POINT_COLUMNS))
    write_examples(tmp_path / "points.npz", [], points)
    pd.testing.assert_frame_equal(read_points(tmp_path / "points.npz"), points)


def test_an_empty_word_is_refused():
    with pytest.raises(ValueError, match="an empty word"):
        AttentionSettings(words={" ": "LV"})
