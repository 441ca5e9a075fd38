"""Conditions: a phenotype can stand wherever a scalar condition can, and means the same under both names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.config.conditions import CONDITIONS
from synthaug.config.phenotype_conditions import condition_of
from synthaug.core.errors import SynthaugError
from synthaug.models.conditioner import Conditioner, check_columns, raw_values
from synthaug.phenotypes.registry import PHENOTYPES


def test_every_phenotype_is_a_condition_with_its_own_scaling() -> None:
    for name, phenotype in PHENOTYPES.items():
        assert condition_of(name).scaling == phenotype.scaling, name
    assert (
        condition_of("lv_diameter_mid_ed_mm").scaling == 1
        and condition_of("septal_curvature_ed_per_mm").scaling == -1
    )
    assert condition_of("lv_sv_ml").kind == "volume" and condition_of("myo_mass_es_g").kind == "mass"


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
