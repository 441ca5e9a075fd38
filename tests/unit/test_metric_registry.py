"""The registry of metrics is the one place that says what a metric is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.tasks import SegmentationSettings
from synthaug.metric_registry import (
    ENDPOINTS,
    METRICS,
    columns_of,
    documented,
    find_metric,
    limits_of,
    split_name,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_documented_table_is_the_registry():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert documented(text) == text, "run python -m synthaug.metric_registry"


def test_endpoints_have_a_range_and_a_margin():
    assert ENDPOINTS == ("dice", "hd95", "hd", "assd", "nsd", "accuracy", "brier", "absolute_error_sd")
    assert all(METRICS[name].range and METRICS[name].margin for name in ENDPOINTS)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("dice_mean", ("dice", "_mean")),
        ("fid_basal_ratio", ("fid_basal", "_ratio")),
        ("copied_share_real_features", ("copied_share_real_features", "")),
        ("controllability_r_lv_edv_ml", ("controllability_r", "_lv_edv_ml")),
        ("dicey", ("dicey", "")),
        ("torsion_angle_mean", ("torsion_angle", "_mean")),
    ],
)
def test_the_longest_declared_name_is_the_metric(name, parts):
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("metric", "suffix", "unit"),
    [
        ("ef_error", "", "percentage points"),
        ("ef_error", "_mean", "percentage points"),
        ("function_lv_ef", "", "%"),
        ("function_lv_ef", "_difference", "percentage points"),
        ("hd", "_ratio", "1"),
        ("controllability_bias", "_lv_edv_ml", "mL"),
        ("controllability_bias", "_lv_ef", "percentage points"),
        ("controllability_bias", "_myo_mass_g", "g"),
        ("controllability_r", "_lv_ef", "1"),
        ("fid", "_response", ""),
        ("phenotype_error", "_mae", "that of the target"),
    ],
)
def test_units_of_aggregates(metric, suffix, unit):
    assert columns_of(metric, suffix)["unit"] == unit


@pytest.mark.parametrize(
    ("metric", "suffix", "direction"),
    [
        ("dice", "_poor", "lower"),
        ("dice", "_missed", "lower"),
        ("dice", "_seed_sd", "lower"),
        ("ef_error", "_mae", "lower"),
        ("ef_error", "_sd", "lower"),
        ("ef_error", "_r", "higher"),
        ("ef_error", "_mean", "none"),
        ("dice", "_difference", "higher"),
    ],
)
def test_the_better_side_of_an_aggregate(metric, suffix, direction):
    assert columns_of(metric, suffix)["direction"] == direction


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("acceptance_rate", (0, 1)),
        ("copied_share_features", (0, 1)),
        ("dice_mean", (0, 1)),
        ("dice_difference", (-math.inf, math.inf)),
        ("fid", (-math.inf, math.inf)),
        ("fid_ratio", (0, math.inf)),
        ("controllability_r_lv_ef", (-1, 1)),
        ("nothing_known", (-math.inf, math.inf)),
    ],
)
def test_an_aggregate_has_bounds_of_its_own(name, limits):
    assert limits_of(name) == limits


def test_titles_say_what_an_aggregate_is():
    assert find_metric("fid_ratio").title == "FID, ratio to real-versus-real"
    assert find_metric("dice_mean").title == "Dice"


def test_margins_of_a_study_keep_the_other_defaults():
    margins = EvaluationSettings(equivalence_margin={"hd": None, "dice": 0.02}).equivalence_margin
    overlap = {"dice": 0.02, "hd95": 1.0, "hd": None, "assd": 0.25, "nsd": 0.01}
    assert margins == overlap | {"accuracy": 0.05, "brier": 0.02, "absolute_error_sd": 0.05}


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        (SegmentationSettings, {"family": ["dise"]}),
        (SegmentationSettings, {"primary_metric": "dise"}),
        (EvaluationSettings, {"equivalence_margin": {"dise": 0.1}}),
    ],
)
def test_an_unknown_endpoint_is_refused_with_the_nearest_one(section, settings):
    with pytest.raises(ValueError, match="did you mean 'dice'"):
        section.model_validate(settings)
