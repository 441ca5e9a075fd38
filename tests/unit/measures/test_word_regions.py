"""Maps of words against regions: beside even maps and the maps of other words, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from made_hearts import SPACING, heart

from synthaug.config.attention import AttentionSettings
from synthaug.config.evaluation import EvaluationSettings
from synthaug.labels import LV, MYO
from synthaug.measures.measurement import Measurement
from synthaug.measures.word_regions import ANY_WALL, WordRegions
from synthaug.metrics.regions import region
from synthaug.tables import make_table

MEASUREMENT = Measurement({"generator": "g"}, EvaluationSettings(replicates=200))
WORDS = {"cavity": "LV", "muscle": "MYO", "front": "anterior", "back": "inferior"}
SETTINGS = AttentionSettings(words=WORDS, subjects=4, tolerance_mm=0)


def measured(maps_of):
    scores = WordRegions("word_effect", SETTINGS, SPACING)
    for number in range(4):
        labels = np.stack(list(heart(number)[1].values()))
        scores.add(labels, maps_of(number, labels))
    return make_table(list(scores.rows(MEASUREMENT))).set_index(["target", "metric"])


def test_a_map_that_is_largest_in_one_place_for_every_word_is_above_chance_but_not_specific():
    rows = measured(lambda _, labels: dict.fromkeys(WORDS, (labels == LV).astype(np.float32)))
    cavity = rows.loc["cavity"]
    assert cavity.loc["word_effect_pointing", "value"] == 1
    assert cavity.loc["word_effect_pointing_excess", "ci_low"] > 0.5
    for measure in ("mass", "pointing"):
        assert cavity.loc[f"word_effect_{measure}_others", "value"] == 1
        assert cavity.loc[f"word_effect_{measure}_specific", "value"] == 0


def test_maps_that_each_lie_in_their_own_region_are_specific():
    def maps(_, labels):
        return {word: region(labels, name, SPACING).astype(np.float32) for word, name in WORDS.items()}

    rows = measured(maps)
    for word in ("cavity", "front", "back", ANY_WALL):
        assert rows.loc[word].loc["word_effect_mass", "value"] == pytest.approx(1)
        assert rows.loc[word].loc["word_effect_mass_others", "value"] == pytest.approx(0)
        assert rows.loc[word].loc["word_effect_mass_specific", "n"] == 4


def test_walls_are_not_compared_with_the_muscle_that_they_are_part_of():
    """Of the muscle only the cavity is another region, of a wall the cavity and the other wall."""

    def maps(_, labels):
        return {
            "muscle": (labels == MYO).astype(np.float32),
            "front": region(labels, "anterior", SPACING).astype(np.float32),
        }

    rows = measured(maps)
    assert rows.loc["muscle"].loc["word_effect_mass", "value"] == pytest.approx(1)
    for word in ("muscle", "front"):
        own = rows.loc[word].loc["word_effect_mass_specific"]
        assert (
            own["status"] == "not_measured"
            and "0 samples have the word, a map of it and a map of another word" in own["note"]
        )


def test_a_sample_that_names_two_walls_counts_once():
    def maps(number, labels):
        own = {"front": region(labels, "anterior", SPACING).astype(np.float32)}
        if number < 2:
            own["back"] = (labels == LV).astype(np.float32)  # looks at the wrong place
        return own

    rows = measured(maps)
    assert rows.loc["front"].loc["word_effect_mass", "n"] == 4
    assert rows.loc["back"].loc["word_effect_mass", "n"] == 2
    both = rows.loc[ANY_WALL].loc["word_effect_mass"]
    assert both["n"] == 4 and both["value"] == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert both["note"] == "region: the wall that is named"


def test_a_map_without_mass_or_that_is_missing_is_no_map():
    def maps(number, labels):
        nothing = np.zeros(labels.shape, np.float32)
        return {"cavity": nothing if number else nothing + 1, "front": nothing + np.nan}

    rows = measured(maps)
    assert set(rows.loc["cavity"]["status"]) == {"not_measured"}
    assert rows.loc["cavity"].loc["word_effect_mass", "n"] == 1
    assert rows.loc["front"].loc["word_effect_mass", "n"] == 0
