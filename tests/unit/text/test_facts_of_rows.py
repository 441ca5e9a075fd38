"""Facts of a row: thresholds by hand, and nothing is said of what is unknown."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from synthaug.config.text import SEGMENTS, WALL_PHENOTYPES
from synthaug.labels import SIX_WALLS
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.text.facts import SEGMENT_NAMES, facts_of, numbers, spelled


def walls(rest: float = 60.0, **thickening: float) -> dict[str, float]:
    """Thickening in percent of every segment of the walls named, and of the rest; an apical segment of two walls: the mean."""
    found: dict[int, list[float]] = {}
    for wall, segments in SIX_WALLS.items():
        for segment in segments:
            found.setdefault(segment, []).append(thickening.get(wall, rest))
    return {f"wall_thickening_aha{segment:02d}": sum(each) / len(each) for segment, each in found.items()}


@pytest.mark.parametrize(
    ("esv_ml", "category", "percent"),
    [
        (30, "hyperdynamic", "80"),
        (71, "normal", "55"),
        (72.0, "normal", "50"),
        (73, "mildly reduced", "50"),
        (100, "moderately reduced", "35"),
        (120, "severely reduced", "20"),
    ],
)
def test_the_ejection_fraction_follows_from_the_volumes(esv_ml, category, percent):
    # What the row says of its ejection fraction itself does not count beside its volumes.
    facts = facts_of({"lv_edv_ml": 150.2, "lv_esv_ml": esv_ml, "lv_ef": 1.0})
    assert (facts["ef"], facts["ef_percent"]) == (category, percent)
    assert facts["lv_edv_ml"] == "150" and facts["lv_size"] == "normal"


def test_no_ejection_fraction_is_below_zero():
    # A mask at ES may be larger than at ED; nothing is said then.
    assert "ef" not in facts_of({"lv_ef": -5.0}) and "ef" not in facts_of(
        {"lv_edv_ml": 100, "lv_esv_ml": 150}
    )


def test_sizes_and_mass():
    assert facts_of({"lv_edv_ml": 191})["lv_size"] == "dilated"
    assert facts_of({"lv_edv_ml": 248})["lv_size"] == "severely dilated"
    right = facts_of({"rv_edv_ml": 210, "rv_ef": 39.0})
    assert (right["rv_size"], right["rv_ef"]) == ("dilated", "reduced")
    assert [facts_of({"myo_mass_g": mass})["mass"] for mass in (134, 136)] == ["normal", "increased"]


def test_hypertrophy_has_the_thickest_segment():
    thickness = {f"wall_thickness_aha{segment:02d}_ed_mm": 9.0 for segment in SEGMENTS}
    thickness["wall_thickness_aha08_ed_mm"] = 17.0
    assert facts_of(thickness) == {"wall": "mid anteroseptal"}
    assert facts_of({"wall_thickness_max_ed_mm": 15.0}) == {"wall": "hypertrophy"}
    # Between 12 and 15 mm nothing is said.
    assert facts_of({"wall_thickness_max_ed_mm": 13.0}) == {}
    assert facts_of({"wall_thickness_max_ed_mm": 11.0}) == {"wall": "none"}
    assert SEGMENT_NAMES[2] == "basal anteroseptal" and SEGMENT_NAMES[16] == "apical lateral"


def test_motion_of_the_walls():
    assert facts_of(walls()) == {"motion": "normal"}
    assert facts_of(walls(inferior=5.0)) == {"akinetic": "inferior"}
    septal = {"anteroseptal": 20.0, "inferoseptal": 20.0}
    assert facts_of(walls(anterior=5.0, **septal)) == {"akinetic": "anterior", "hypokinetic": "septal"}
    assert facts_of(walls(anterolateral=5.0)) == {"akinetic": "anterolateral"}
    # Between hypokinetic and normal nothing is said; nor where a wall is unknown.
    assert facts_of(walls(inferolateral=35.0)) == {}
    unknown = {"wall_thickening_aha04": None, "wall_thickening_aha10": None}
    assert facts_of({**walls(inferior=5.0), **unknown}) == {}


def test_motion_of_a_failing_ventricle():
    assert facts_of(walls(20.0)) == {"motion": "global"}
    assert facts_of(walls(20.0, inferolateral=5.0)) == {"motion": "global", "akinetic": "inferolateral"}
    assert facts_of(walls(5.0)) == {"motion": "global"}
    # Two thirds of 24 % are 16 %.
    assert facts_of(walls(24.0, inferior=15.9)) == {"motion": "global", "most_reduced": "inferior"}
    assert facts_of(walls(24.0, inferior=16.1)) == {"motion": "global"}
    both = {"inferolateral": 12.0, "anterolateral": 12.0}
    assert facts_of(walls(24.0, **both)) == {"motion": "global", "most_reduced": "lateral"}


def test_unknown_stays_unsaid():
    for unknown in (None, math.nan, pd.NA, ""):
        assert facts_of(dict.fromkeys(("diagnosis", "vendor", "lv_edv_ml", "myo_mass_g"), unknown)) == {}
    assert facts_of({"field_strength_t": 1.5, "vendor": "Siemens"}) == {"vendor": "Siemens", "field": "1.5"}


def test_numbers_are_those_that_the_grammar_spells():
    assert spelled("ef_percent", 22.5) == "25" and spelled("lv_edv_ml", 812.0) == "500"
    assert {spelled("lv_edv_ml", value) for value in range(20, 700)} <= set(numbers())


def test_phenotypes_exist():
    assert set(WALL_PHENOTYPES) <= set(PHENOTYPES) and set(SEGMENTS) == set(SEGMENT_NAMES)
