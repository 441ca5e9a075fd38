"""Phenotypes of synthetic cines by a segmenter: those of its label maps, ES where its LV is smallest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_hearts import ES, FRAMES, SPACING, made_cohort
from made_predictions import write_predictions

from synthaug.measures.predicted_phenotypes import predicted_phenotypes, requested_phenotypes
from synthaug.phenotypes.measure import measure_phenotypes

NAMES = ["wall_thickness_mean_ed_mm", "es_phase", "lv_diameter_mid_es_mm"]


def test_a_perfect_segmenter_measures_the_masks_themselves(tmp_path) -> None:
    cohort = made_cohort(tmp_path / "cohort", "g", 2, kind="synthetic")
    predictions = write_predictions(tmp_path / "predictions", cohort, lambda mask: mask)
    table = predicted_phenotypes(predictions, cohort, NAMES)
    assert list(table.columns) == ["subject", *NAMES]
    for row in table.to_dict("records"):
        labels = cohort.label_cine(str(row["subject"]))
        expected = measure_phenotypes(labels, SPACING, range(FRAMES), 0, ES)
        assert [row[name] for name in NAMES] == pytest.approx([expected[name] for name in NAMES], nan_ok=True)
    assert (table["es_phase"] == ES / FRAMES).all()


def test_a_segmenter_that_finds_nothing_measures_nothing(tmp_path) -> None:
    cohort = made_cohort(tmp_path / "cohort", "g", 1, kind="synthetic")
    predictions = write_predictions(tmp_path / "predictions", cohort, np.zeros_like)
    table = predicted_phenotypes(predictions, cohort, NAMES)
    assert table[["wall_thickness_mean_ed_mm", "lv_diameter_mid_es_mm"]].isna().all(axis=None)


def test_what_was_asked_is_what_any_request_has() -> None:
    table = pd.DataFrame(
        {
            "requested_es_phase": [np.nan, 0.4],
            "requested_lv_length_ed_mm": [np.nan, np.nan],
            "requested_lv_edv_ml": [100.0, 110.0],
            "requested_la_max_ml": [50.0, 60.0],
            "requested_diagnosis": ["NOR", "DCM"],
        }
    )
    assert requested_phenotypes(table) == ["es_phase"]
