"""Conditions: a phenotype can stand wherever a scalar condition can, and means the same under both names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from synthaug.config.conditions import CONDITIONS
from synthaug.config.phenotype_conditions import condition_of
from synthaug.core.errors import SynthaugError
from synthaug.models.conditioner import Conditioner, check_columns, es_of_frames, raw_values
from synthaug.models.phases import cardiac_phase, frame_of_systole
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.text.impressions import rescaled


def test_every_phenotype_is_a_condition_with_its_own_scaling() -> None:
    for name, phenotype in PHENOTYPES.items():
        assert condition_of(name).scaling == phenotype.scaling, name
    assert (
        condition_of("lv_diameter_mid_ed_mm").scaling == 1
        and condition_of("septal_curvature_ed_per_mm").scaling == -1
    )
    assert condition_of("lv_sv_ml").kind == "volume" and condition_of("myo_mass_es_g").kind == "mass"


@pytest.mark.parametrize(
    ("name", "title", "unit"),
    [
        ("nt_probnp_pg_ml", "nt probnp", "pg/mL"),
        ("albumin_creatinine_mg_g", "albumin creatinine", "mg/g"),
        ("remodelling_g_ml", "remodelling", "g/mL"),
        ("perfusion_ml_g", "perfusion", "mL/g"),
    ],
)
def test_a_quotient_of_two_units_is_no_volume_and_no_mass(name: str, title: str, unit: str) -> None:
    found = condition_of(name)
    assert (found.kind, found.title, found.unit, found.scaling) == ("number", title, unit, 0)


def test_names_of_both_registries_mean_the_same() -> None:
    both = CONDITIONS.keys() & PHENOTYPES.keys()
    assert {"lv_edv_ml", "lv_esv_ml", "lv_ef", "myo_mass_g", "rv_edv_ml", "rv_esv_ml", "es_phase"} == both
    for name in both - {"es_phase"}:
        assert CONDITIONS[name].unit == PHENOTYPES[name].unit


def test_the_ejection_fraction_is_the_column_and_where_that_is_unknown_follows_from_the_volumes() -> None:
    """A user's own ejection fraction is of another method than the volumes that labels give."""
    table = pd.DataFrame(
        {
            "lv_edv_ml": [100.0, 200.0, np.nan],
            "lv_esv_ml": [50.0, 80.0, np.nan],
            "lv_ef": [62.0, np.nan, 41.0],
        }
    )
    assert raw_values(table, "lv_ef") == pytest.approx([0.62, 0.6, 0.41])


def test_a_missing_phenotype_is_the_null_of_the_conditioner() -> None:
    table = pd.DataFrame({"lv_sv_ml": [80.0, 100.0, np.nan]})
    conditioner = Conditioner(["lv_sv_ml"], {}, 4)
    conditioner.fit(table)
    # Mean and SD of the two known values.
    assert float(conditioner.mean) == 90 and float(conditioner.standard_deviation) == pytest.approx(
        np.sqrt(200)
    )
    vectors = conditioner(conditioner.read(table)).vector
    nothing = conditioner(conditioner.read(pd.DataFrame({"subject": ["s"]}))).vector
    assert (
        vectors[2].tolist() == pytest.approx(nothing[0].tolist())
        and vectors[0].tolist() != vectors[2].tolist()
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([np.nan] * 4, "no training subject has it; label the subjects, bring a table"),
        ([5.0, np.nan, np.nan, np.nan], "missing for 3 of 4 training patients"),
        ([5.0, 5.0, 5.0, np.nan], "5 for all training patients; a constant says nothing"),
        (["thick", "thin", None, None], "'thick' is no number"),
        ([5.0, np.inf, 6.0, 7.0], "'inf' is no number"),
        (None, "is no column of the cohort's table"),
    ],
)
def test_a_phenotype_that_says_nothing_is_refused_in_one_line(values, message) -> None:
    table = pd.DataFrame({"subject": list("abcd")})
    if values is not None:
        table["wall_thickness_max_ed_mm"] = values
    with pytest.raises(SynthaugError, match="condition 'wall_thickness_max_ed_mm'") as caught:
        check_columns(table, ["wall_thickness_max_ed_mm"])
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_visits_of_a_patient_count_once() -> None:
    table = pd.DataFrame(
        {"subject": list("abcd"), "patient": ["p", "p", "q", None], "lv_sv_ml": [80.0, 80.0, np.nan, 90.0]}
    )
    check_columns(table, ["lv_sv_ml"])  # known of two of three patients


def test_measurements_of_harmonisation_may_be_unknown_but_are_numbers() -> None:
    """rv_ef as lv_ef: known of those with labels; text in any of them would be NaN without a word."""
    table = pd.DataFrame({"subject": list("ab"), "rv_ef": [np.nan, np.nan], "lv_edv_ml": ["x", "120"]})
    check_columns(table, ["rv_ef", "lv_ef", "rv_edv_ml"])
    with pytest.raises(SynthaugError, match="condition 'lv_edv_ml': 'x' is no number"):
        check_columns(table, ["lv_edv_ml"])


def test_own_columns_grow_by_their_unit() -> None:
    """Enlarged in the plane by 1.1: lengths by 1.1, areas, volumes and masses by 1.21, whatever the body's surface."""
    row = {
        "la_diameter_mm": 40.0,
        "la_area_cm2": 20.0,
        "aorta_mm2": 500.0,
        "la_max_ml": 100.0,
        "la_max_ml_m2": 50.0,
        "mass_g_m2": 60.0,
        "free_wall_per_mm": 0.11,
        "height_cm": 170.0,
        "creatinine_umol_l": 80.0,
    }
    assert rescaled(row, 1.1) == pytest.approx(
        {
            "la_diameter_mm": 44.0,
            "la_area_cm2": 24.2,
            "aorta_mm2": 605.0,
            "la_max_ml": 121.0,
            "la_max_ml_m2": 60.5,
            "mass_g_m2": 72.6,
            "free_wall_per_mm": 0.1,
            "height_cm": 170.0,
            "creatinine_umol_l": 80.0,
        }
    )


def test_frames_lie_where_the_frame_of_es_says() -> None:
    """ES is frame 5 of 16, the user's own column says 0.45, 0.6 or nothing."""
    table = pd.DataFrame({"es_frame": [5, 5, None], "n_frames": [16] * 3, "es_phase": [0.45, np.nan, 0.6]})
    assert es_of_frames(table).tolist() == pytest.approx([5 / 16, 5 / 16, 0.6])
    known = torch.from_numpy(es_of_frames(table))
    assert cardiac_phase(known, 16)[:2, 5].tolist() == [0.5, 0.5]
    assert frame_of_systole(known, 16)[:2] == [5, 5]
    # The condition's value is the user's own.
    np.testing.assert_allclose(raw_values(table, "es_phase"), [0.45, np.nan, 0.6], rtol=1e-6)
