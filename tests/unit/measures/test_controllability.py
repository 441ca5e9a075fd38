"""Controllability: agreement of requested and measured volumes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.config.conditions import MEASURED
from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.controllability import (
    beyond_training,
    controllable,
    measure_controllability,
    with_requested_ef,
)
from synthaug.measures.measurement import Measurement
from synthaug.metric_registry import POINTS
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.tables.schema import check_rows, typed

MEASUREMENT = Measurement(
    {"generator": "cascade", "fold": 0, "generator_seed": 1}, EvaluationSettings(replicates=200)
)


def tables(
    n: int, slope: float = 1.0, offset: float = 0.0, noise: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    subjects = [f"s{i}" for i in range(n)]
    edv = rng.uniform(80, 250, n)
    measured = slope * edv + offset + noise * rng.normal(size=n)
    requested = pd.DataFrame({"subject": subjects, "requested_lv_edv_ml": edv, "lv_edv_ml": -1.0})
    return requested, pd.DataFrame({"subject": subjects, "lv_edv_ml": measured}).sample(
        frac=1, random_state=2
    )


def test_constant_offset() -> None:
    rows = measure_controllability(*tables(12, offset=-7), "segmenter", None, MEASUREMENT).set_index("metric")
    assert rows.loc["controllability_r_lv_edv_ml", "value"] == pytest.approx(1)
    for measure in ("bias", "loa_low", "loa_high"):
        assert rows.loc[f"controllability_{measure}_lv_edv_ml", "value"] == pytest.approx(-7)
    assert set(rows["structure"]) == {"LV"} and set(rows["phase"]) == {"ED"} and set(rows["n"]) == {12}
    assert set(rows["versus"]) == {"segmenter"} and set(rows["generator"]) == {"cascade"}


def test_noise_lowers_the_correlation_and_the_interval_holds_it() -> None:
    requested, measured = tables(40, noise=30)
    rows = measure_controllability(requested, measured, "segmenter", None, MEASUREMENT).set_index("metric")
    row = rows.loc["controllability_r_lv_edv_ml"]
    merged = requested.merge(measured, on="subject")
    assert row["value"] == pytest.approx(
        np.corrcoef(merged["requested_lv_edv_ml"], merged["lv_edv_ml_y"])[0, 1]
    )
    assert 0.5 < row["ci_low"] < row["value"] < row["ci_high"] < 1


def test_unknown_volumes_are_left_out_and_counted() -> None:
    requested, measured = tables(10)
    measured.loc[measured["subject"].isin(["s0", "s1"]), "lv_edv_ml"] = np.nan
    rows = measure_controllability(requested, measured, "segmenter", None, MEASUREMENT)
    assert set(rows["n"]) == {8}


@pytest.mark.parametrize(("n", "slope", "note"), [(2, 1.0, "fewer than three"), (8, 0.0, "do not vary")])
def test_not_measured(n: int, slope: float, note: str) -> None:
    rows = measure_controllability(*tables(n, slope, 100.0), "segmenter", None, MEASUREMENT)
    row = rows[rows["metric"] == "controllability_r_lv_edv_ml"].iloc[0]
    assert row["status"] == "not_measured" and note in row["note"]
    bias = rows[rows["metric"] == "controllability_bias_lv_edv_ml"].iloc[0]
    assert bias["status"] == ("not_measured" if n < 3 else "ok")
    assert n < 3 or bias["ci_low"] < bias["value"] < bias["ci_high"]


def test_equal_requests_have_no_correlation() -> None:
    # 120.7 g, twenty times: less its mean a rounding error, which correlates with anything.
    names, rng = [f"s{i}" for i in range(20)], np.random.default_rng(0)
    requested = pd.DataFrame({"subject": names, "requested_myo_mass_g": 120.7})
    measured = pd.DataFrame({"subject": names, "myo_mass_g": rng.normal(120, 15, 20)})
    rows = measure_controllability(requested, measured, "segmenter", None, MEASUREMENT).set_index("metric")
    row = rows.loc["controllability_r_myo_mass_g"]
    assert row["status"] == "not_measured" and "do not vary" in row["note"]


def test_nothing_requested_nothing_measured() -> None:
    requested, measured = tables(5)
    assert measure_controllability(requested[["subject"]], measured, "segmenter", None, MEASUREMENT).empty


def requested_hearts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Four hearts of 100, 150, 200 and 250 mL; EF 60, 50, 40 and 30 %; 80, 100, 120 and 140 g."""
    edv, ef = np.array([100.0, 150, 200, 250]), np.array([60.0, 50, 40, 30])
    hearts = {"lv_edv_ml": edv, "lv_esv_ml": edv * (1 - ef / 100), "myo_mass_g": edv * 0.4 + 40}
    subjects = pd.DataFrame({"subject": list("abcd")})
    requested = subjects.assign(**{f"requested_{name}": values for name, values in hearts.items()})
    return requested, subjects.assign(**hearts, lv_ef=ef)


def measured_rows(conditions: list[str] | None = None, **changed: object) -> pd.DataFrame:
    requested, measured = requested_hearts()
    rows = measure_controllability(
        requested, measured.assign(**changed), "segmenter", conditions, MEASUREMENT
    )
    return rows.set_index("metric")


def test_the_ejection_fraction_is_requested_with_the_volumes() -> None:
    _, measured = requested_hearts()
    rows = measured_rows(lv_ef=measured["lv_ef"] + [5, 1, 5, 1])
    assert rows.loc["controllability_bias_lv_ef", "value"] == pytest.approx(3)
    # SD of 5, 1, 5, 1 over n - 1: sqrt(16 / 3)
    half = 1.96 * np.sqrt(16 / 3)
    assert rows.loc["controllability_loa_low_lv_ef", "value"] == pytest.approx(3 - half)
    assert rows.loc["controllability_loa_high_lv_ef", "value"] == pytest.approx(3 + half)
    assert rows.loc["controllability_bias_lv_ef", ["unit", "structure"]].tolist() == [
        "percentage points",
        "LV",
    ]
    assert rows.loc["controllability_r_lv_ef", "unit"] == "1"
    assert pd.isna(rows.loc["controllability_bias_lv_ef", "phase"])


def test_mass_is_in_grams_of_myocardium() -> None:
    _, measured = requested_hearts()
    rows = measured_rows(myo_mass_g=measured["myo_mass_g"] * 1.1)
    assert rows.loc["controllability_r_myo_mass_g", "value"] == pytest.approx(1)
    row = rows.loc["controllability_bias_myo_mass_g"]
    assert row["value"] == pytest.approx(11)  # a tenth of 110 g
    assert row[["unit", "structure", "phase"]].tolist() == ["g", "MYO", "ED"]


def test_a_quantity_without_a_condition_is_not_measured() -> None:
    rows = measured_rows(["diagnosis", "lv_edv_ml", "lv_esv_ml"])
    mass = rows[rows["structure"] == "MYO"]
    assert len(mass) == 4 and set(mass["status"]) == {"not_measured"}
    assert set(mass["note"]) == {"the generator is not conditioned on LV mass"}
    assert set(rows.loc[rows["structure"] == "LV", "status"]) == {"ok"}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["lv_edv_ml", "lv_esv_ml"], {"lv_edv_ml", "lv_esv_ml", "lv_ef"}),
        (["lv_edv_ml", "lv_ef", "vendor"], {"lv_edv_ml", "lv_esv_ml", "lv_ef"}),
        (["lv_ef", "es_phase"], {"lv_ef"}),
        (["myo_mass_g"], {"myo_mass_g"}),
        ([], set()),
    ],
)
def test_two_of_edv_esv_and_ef_make_the_third(conditions: list[str], expected: set[str]) -> None:
    assert controllable(conditions) & set(MEASURED) == expected
    assert controllable(None) == {*MEASURED, *PHENOTYPES}


def test_a_sentence_tells_volumes_and_masks_tell_everything():
    told = controllable(["sentence", "diagnosis"])
    assert {"lv_edv_ml", "lv_esv_ml", "lv_ef", "rv_edv_ml", "myo_mass_g"} <= told
    assert "rv_esv_ml" not in told and "wall_thickness_max_ed_mm" not in told
    assert controllable(["labels"]) == {*MEASURED, *PHENOTYPES}


def test_beyond_is_what_no_training_patient_has() -> None:
    requested, _ = requested_hearts()
    ranges = {"lv_edv_ml": (100.02, 210.0), "lv_ef": (30.0, 55.0), "myo_mass_g": (80.0, 110.0)}
    volumes = ["lv_edv_ml", "lv_esv_ml"]
    # a: 60 % lies above, its EDV below by a rounding only; d: 250 mL; c has 120 g, which it is not conditioned on.
    assert beyond_training(requested, ranges, volumes).tolist() == [True, False, False, True]
    assert beyond_training(requested, ranges, [*volumes, "myo_mass_g"]).tolist() == [True, False, True, True]
    inside = {"lv_edv_ml": (100.0, 250.0), "lv_ef": (30.0, 60.0)}
    assert not beyond_training(requested, inside, None).any()


def test_every_requested_phenotype_has_rows_in_its_own_unit() -> None:
    subjects = pd.DataFrame({"subject": list("abcd")})
    requested = subjects.assign(
        requested_lv_diameter_mid_ed_mm=[40.0, 45, 50, 55],
        requested_lv_fractional_shortening=[30.0, 35, 40, 45],
        requested_la_max_ml=[50.0, 60, 70, 80],
        lv_length_ed_mm=[90.0, 91, 92, 93],
        requested_lv_length_ed_mm=[90.0, 91, 92, 93],
    )
    measured = subjects.assign(
        lv_diameter_mid_ed_mm=[42.0, 47, 52, 57], lv_fractional_shortening=[30.0, 35, np.nan, 45]
    )
    conditions = ["lv_diameter_mid_ed_mm", "lv_diameter_mid_es_mm"]
    rows = measure_controllability(requested, measured, "segmenter", conditions, MEASUREMENT)
    found = rows.set_index("metric")
    assert len(rows) == 8  # neither what no segmenter measures, nor what it did not
    assert found.loc["controllability_bias_lv_diameter_mid_ed_mm", ["value", "unit", "n"]].tolist() == [
        2,
        "mm",
        4,
    ]
    assert found.loc["controllability_r_lv_diameter_mid_ed_mm", "unit"] == "1"
    # Shortening follows from both diameters, and is a percentage.
    assert found.loc["controllability_bias_lv_fractional_shortening", ["unit", "n"]].tolist() == [POINTS, 3]
    assert len(check_rows(typed(rows.copy(), "rows"), "rows")) == 8
    alone = measure_controllability(requested, measured, "segmenter", conditions[:1], MEASUREMENT)
    note = alone.set_index("metric").loc["controllability_r_lv_fractional_shortening", "note"]
    assert note == "the generator is not conditioned on LV fractional shortening"


def test_segments_of_the_wall_have_rows_of_generators_that_know_them_alone():
    """Requests have all of them for the sake of sentences."""
    column = "wall_thickening_aha07"
    requested = pd.DataFrame({"subject": list("abcd"), f"requested_{column}": [10.0, 20, 30, 40]})
    measured = pd.DataFrame({"subject": list("abcd"), column: [12.0, 22, 32, 42]})
    about = requested, measured, "segmenter"
    assert measure_controllability(*about, ["sentence", "lv_edv_ml"], MEASUREMENT).empty
    found = measure_controllability(*about, ["labels"], MEASUREMENT).set_index("metric")
    assert found.loc[f"controllability_bias_{column}", "value"] == 2


def test_a_requested_ejection_fraction_counts_where_volumes_are_open():
    nothing = [np.nan] * 5
    requested = pd.DataFrame(
        {
            "requested_lv_edv_ml": [*nothing[:4], 100.0],
            "requested_lv_esv_ml": [*nothing[:4], 40.0],
            "requested_lv_ef": [30.0, 40.0, 50.0, 65.0, np.nan],
        }
    )
    assert with_requested_ef(requested)["requested_lv_ef"].tolist() == [30, 40, 50, 65, 60]
