"""Free coordinates of phenotypes: there and back, and that no coordinate makes a heart that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from synthaug.phenotypes.coordinates import Coordinates, violations
from synthaug.phenotypes.registry import PHENOTYPES

LEFT = ["lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef"]
#: One heart: 150 and 60 mL, 126 g, at 60 beats a minute.
HEART = {
    "lv_edv_ml": 150.0,
    "lv_esv_ml": 60.0,
    "lv_sv_ml": 90.0,
    "lv_ef": 60.0,
    "myo_mass_g": 126.0,
    "heart_rate_bpm": 60.0,
    "lv_co_l_min": 5.4,
    "lv_epicardial_volume_ed_ml": 270.0,
    "lv_mass_volume_ratio_g_ml": 0.84,
    "wall_thickness_max_ed_mm": 11.0,
}


def heart(**changes: float) -> pd.DataFrame:
    return pd.DataFrame([HEART | changes])


def test_a_heart_comes_back_and_derived_phenotypes_have_no_coordinate() -> None:
    coordinates = Coordinates(list(HEART))
    assert coordinates.coordinates == [
        "lv_edv_ml",
        "lv_ef",
        "myo_mass_g",
        "heart_rate_bpm",
        "wall_thickness_max_ed_mm",
    ]
    back = coordinates.write(coordinates.read(heart()))
    pd.testing.assert_frame_equal(back, heart(), rtol=1e-9)


def test_the_middle_of_the_range_is_zero_and_the_ends_are_finite() -> None:
    coordinates = Coordinates(["heart_rate_bpm", "es_phase"])
    table = pd.DataFrame({"heart_rate_bpm": [135.0, 20.0, 19.0], "es_phase": [0.5, 1.0, np.nan]})
    values = coordinates.read(table)
    assert values[0] == pytest.approx([0, 0])
    assert values[1] == pytest.approx([-np.log(9999), np.log(9999)])
    assert np.isnan(values[2]).all()  # below the valid range, and unknown


@pytest.mark.parametrize("known", [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
def test_a_ventricle_is_read_from_any_two_quantities(known) -> None:
    table = heart()[LEFT]
    open_columns = [name for index, name in enumerate(LEFT) if index not in known]
    expected = Coordinates(LEFT).read(table)
    assert Coordinates(LEFT).read(table.assign(**dict.fromkeys(open_columns, np.nan))) == pytest.approx(
        expected
    )
    one = [name for index, name in enumerate(LEFT) if index != known[0]]
    assert np.isnan(Coordinates(LEFT).read(table.assign(**dict.fromkeys(one, np.nan)))).any()


def test_own_columns_keep_their_sign() -> None:
    coordinates = Coordinates(["la_max_ml", "strain"], positive=["la_max_ml"])
    values = coordinates.read(pd.DataFrame({"la_max_ml": [np.e, -1.0], "strain": [-18.0, np.inf]}))
    assert values[0] == pytest.approx([1, -18]) and np.isnan(values[1]).all()
    assert (coordinates.write(np.array([[-50.0, 3.0]]))["la_max_ml"] > 0).all()


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (4, 5), elements=st.floats(-8, 8)))
def test_any_coordinates_are_in_range_and_agree(values) -> None:
    table = Coordinates(list(HEART)).write(values)
    for name in ("lv_edv_ml", "lv_ef", "myo_mass_g", "heart_rate_bpm"):
        low, high = PHENOTYPES[name].range
        assert table[name].between(low, high).all()
    assert (table["lv_esv_ml"] < table["lv_edv_ml"]).all()
    assert table["lv_sv_ml"].to_numpy() == pytest.approx(
        table["lv_edv_ml"] - table["lv_esv_ml"], rel=1e-6, abs=1e-9
    )
    # What is left are derived values out of range: nothing contradicts, nothing is in the wrong order.
    assert all(" within " in rule for rule in violations(table).columns)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"lv_esv_ml": 160.0}, "lv_esv_ml not above lv_edv_ml"),
        ({"lv_ef": 55.0}, "lv_ef of lv_edv_ml, lv_esv_ml"),
        ({"lv_co_l_min": 5.0}, "lv_co_l_min of lv_sv_ml, heart_rate_bpm"),
        ({"lv_epicardial_volume_ed_ml": 140.0}, "lv_edv_ml not above lv_epicardial_volume_ed_ml"),
        ({"heart_rate_bpm": 10.0}, "heart_rate_bpm within 20 to 250"),
    ],
)
def test_what_cannot_be_is_named(change, rule) -> None:
    assert violations(heart()).empty or not violations(heart()).any(axis=None)
    assert rule in violations(heart(**change)).columns


def test_unknown_values_break_no_rule() -> None:
    assert not violations(heart(lv_esv_ml=np.nan, lv_edv_ml=np.nan)).any(axis=None)
