"""Means over trainings, ranks of generators and their stability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.statistics.generator_ranking import (
    DIFFERENCE,
    FIRST,
    KEPT,
    ORDER,
    RANK,
    VALUE,
    rank_generators,
    ranking_files,
)
from synthaug.statistics.ranking import draw_from_intervals, order_stability
from synthaug.statistics.runs_mean import mean_of_runs
from synthaug.tables import make_table

SETTINGS = EvaluationSettings(replicates=2000, seed=1)


def test_one_training_keeps_its_interval() -> None:
    assert mean_of_runs([3.0], [2.0], [5.0]) == (3.0, 2.0, 5.0)
    assert np.isnan(mean_of_runs([3.0], [np.nan], [np.nan])[1:]).all()


def test_half_widths_of_patients_and_trainings_add_in_squares() -> None:
    # Two trainings of 4 and 6: SD sqrt(2), t of one degree of freedom 12.706, so 12.706 * sqrt(2) / sqrt(2).
    value, low, high = mean_of_runs([4.0, 6.0], [3.0, 5.0], [6.0, 8.0])
    between = 12.7062
    assert value == 5.0
    assert low == pytest.approx(5 - np.hypot(1, between), abs=1e-3)
    assert high == pytest.approx(5 + np.hypot(2, between), abs=1e-3)
    # Equal trainings on the same patients are no better than one.
    assert mean_of_runs([4.0] * 5, [3.0] * 5, [5.0] * 5) == pytest.approx((4, 3, 5))
    alone = mean_of_runs([4.0, 6.0], [np.nan] * 2, [np.nan] * 2)
    assert alone.high - 5 == pytest.approx(between, abs=1e-3)


def test_draws_have_the_ends_of_the_interval_on_either_side() -> None:
    drawn = draw_from_intervals(np.array([1.0]), np.array([0.0]), np.array([4.0]), 0.95, 40_000, 0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert low == pytest.approx(0.0, abs=0.05) and high == pytest.approx(4.0, abs=0.1)
    assert (drawn < 1).mean() == pytest.approx(0.5, abs=0.02)


def test_the_order_of_two_equal_competitors_holds_in_half_of_the_replicates() -> None:
    replicates = np.array([[1.0, 2.0, 9.0], [2.0, 1.0, 9.0]] * 10)
    found = order_stability(np.array([1.0, 2.0, 9.0]), replicates, "lower")
    assert list(found.ranks) == [1, 2, 3] and list(found.kept) == [0.5, 0.5, 1.0]
    assert list(found.first) == [0.5, 0.5, 0.0] and found.order_kept == 0.5
    assert list(found.low) == [1, 1, 3] and list(found.high) == [2, 2, 3]
    upwards = order_stability(np.array([1.0, 2.0, 9.0]), replicates, "higher")
    assert list(upwards.ranks) == [3, 2, 1]


def row_of(
    metric: str, generator: str, value: float | None, half: float | None = 0.1, **columns: Any
) -> dict[str, Any]:
    """A result row of one training."""
    base, _, suffix = metric.partition("+")
    row = {
        **columns_of(base, suffix),
        "generator": generator,
        "fold": 0,
        "generator_seed": 0,
        "n": 20,
        **columns,
    }
    if value is None:
        return {**row, "status": "not_measured", "note": "why not"}
    ends = {} if half is None else {"ci_low": value - half, "ci_high": value + half}
    return {**row, "status": "ok", "value": value, **ends}


def ranked(
    *rows: dict[str, Any], generators: tuple[str, ...] = ("a", "b", "c"), **options: Any
) -> pd.DataFrame:
    arms = options.get("arms", [])
    return rank_generators(make_table(rows), generators, arms, options.get("tasks", {}), SETTINGS)


def values(table: pd.DataFrame, metric: str) -> dict[str, float]:
    own = table[table["metric"] == metric]
    return dict(zip(own["generator"], own["value"], strict=True))


def test_clearly_apart_is_stable_and_overlap_is_not() -> None:
    table = ranked(
        *(
            row_of("acceptance_rate", name, value, 0.01)
            for name, value in {"a": 0.5, "b": 0.9, "c": 0.7}.items()
        )
    )
    assert values(table, RANK) == {"a": 3, "b": 1, "c": 2}
    assert values(table, KEPT) == {"a": 1, "b": 1, "c": 1} and values(table, FIRST) == {
        "a": 0,
        "b": 1,
        "c": 0,
    }
    wide = ranked(
        *(row_of("acceptance_rate", name, value, 1.0) for name, value in {"a": 0.5, "b": 0.501}.items())
    )
    (order,) = wide.loc[wide["metric"] == ORDER, "value"]
    assert order == pytest.approx(0.5, abs=0.05)
    missing = wide[(wide["metric"] == VALUE) & (wide["generator"] == "c")].iloc[0]
    assert (missing["status"], missing["note"]) == ("not_measured", "no row of this generator")


def test_distances_are_to_test_patients_and_folds_of_one_extractor_are_one() -> None:
    rows = []
    for fold, weights in enumerate(("0123456789ab", "ba9876543210")):
        for name, value in {"a": 2.0 + fold, "b": 8.0}.items():
            about = {"extractor": f"masked_autoencoder-{weights}-whitened", "fold": fold}
            rows.append(row_of("fid+_ratio", name, value, versus="real test", **about))
            rows.append(row_of("fid+_ratio", name, 10 - value, versus="real train", **about))
    table = ranked(*rows)
    found = table[table["metric"] == VALUE].set_index("generator")
    assert found.loc["a", "value"] == 2.5 and found.loc["a", "note"] == "mean of 2 trainings"
    assert set(found["versus"]) == {"real test"} and set(found["extractor"]) == {
        "masked_autoencoder-whitened"
    }
    assert values(table, RANK) == {"a": 1, "b": 2}


def test_generators_are_ranked_by_the_masks_that_were_requested_at_ed() -> None:
    rows = [
        row_of("requested_mask_dice", name, value, 0.01, structure="LV", phase=phase, versus="segmenter")
        for phase, found in (("ED", {"a": 0.83, "b": 0.93}), ("ES", {"a": 0.9, "b": 0.1}))
        for name, value in found.items()
    ]
    table = ranked(*rows, generators=("a", "b"))
    places = set(zip(table["target"], table["structure"], table["phase"], strict=True))
    assert places == {("requested_mask_dice", "LV", "ED")}
    assert values(table, RANK) == {"a": 2, "b": 1}


def test_differences_by_request_are_means_over_the_trainings() -> None:
    about = {"target": "acceptance_rate", "unit": "1", "other_generator": "a"}
    rows = [
        row_of("generator_difference", "b", value, 0.1, **about, fold=fold)
        for fold, value in enumerate((0.2, 0.3, 0.4))
    ]
    table = ranked(
        *rows, row_of("acceptance_rate", "a", 0.5), row_of("acceptance_rate", "b", 0.8), generators=("a", "b")
    )
    found = table[table["metric"] == DIFFERENCE].iloc[0]
    assert found["value"] == pytest.approx(0.3) and pd.isna(found["fold"])
    assert (found["generator"], found["other_generator"], found["target"]) == ("b", "a", "acceptance_rate")
    # Half-width 0.1 of requests, and t_2 0.1 / sqrt(3) of the trainings.
    half = np.hypot(0.1, 4.30265 * 0.1 / np.sqrt(3))
    assert found["ci_high"] == pytest.approx(0.3 + half, abs=1e-4)
    assert len(table[table["metric"] == VALUE]) == 2  # the rows by request are no criterion


def test_errors_count_by_their_size() -> None:
    about = {"versus": "real train", "structure": "LV"}
    table = ranked(
        row_of("function_lv_ef+_difference", "a", -6.0, 1.0, **about),
        row_of("function_lv_ef+_difference", "b", 2.0, 3.0, **about),
    )
    assert values(table, RANK) == {"a": 2, "b": 1}
    found = table[table["metric"] == VALUE].set_index("generator")
    assert tuple(found.loc["a", ["value", "ci_low", "ci_high"]]) == (6, 5, 7)
    assert tuple(found.loc["b", ["value", "ci_low", "ci_high"]]) == (2, 0, 5)  # the interval holds 0
    assert found.loc["a", "unit"] == "percentage points"


def test_a_value_without_an_interval_has_a_rank_of_unknown_stability() -> None:
    table = ranked(row_of("training_seconds", "a", 60.0, None), row_of("training_seconds", "b", 90.0, 1.0))
    assert values(table, RANK) == {"a": 1, "b": 2}
    stability = table[table["metric"].isin([KEPT, FIRST, ORDER])]
    assert set(stability["status"]) == {"not_measured"} and set(stability["note"]) == {"no interval of a"}
    alone = ranked(row_of("training_seconds", "a", 60.0, None))
    assert "at least 2" in alone.loc[alone["metric"] == ORDER, "note"].iloc[0] and values(alone, RANK) == {}


def test_the_effect_is_against_the_strongest_control_at_the_common_dose() -> None:
    controls = ("repeated", "classical")
    settings = {"real": ArmSettings()}
    for name, doses in {"a": (0.5, 1.0), "b": (1.0, 2.0)}.items():
        for dose in doses:
            settings[f"{name}-{dose:g}"] = ArmSettings(generator=name, dose=dose, controls=controls)
    arms = list(resolve_arms(settings).values())
    differences = {
        ("a-1", "a-1-repeated"): 0.02,
        ("a-1", "a-1-classical"): 0.01,
        ("b-1", "a-1-repeated"): -0.03,
        ("b-1", "a-1-classical"): 0.05,
        ("b-2", "b-2-repeated"): 0.9,
        ("b-1", "real"): -0.9,
    }
    rows = []
    for (arm, versus), value in differences.items():
        about = {"arm": arm, "versus": versus, "task": "segmentation", "dose": float(arm[2:])}
        rows.append(row_of("dice+_difference", arm[0], value, 0.005, fold=None, generator_seed=None, **about))
    table = ranked(*rows, arms=arms, tasks={"segmentation": "dice"})
    found = table[table["metric"] == VALUE].set_index("generator")
    assert found.loc["a", "value"] == 0.01 and found.loc["b", "value"] == -0.03
    assert found.loc["a", "note"] == "arm a-1 minus a-1-classical" and found.loc["a", "dose"] == 1.0
    assert found.loc["c", "note"] == "no arm trains on its subjects"
    assert values(table, RANK) == {"a": 1, "b": 2}


def test_the_effect_is_of_arms_of_one_kind_and_of_no_corrupted_one() -> None:
    """The corrupted arm stands first, and only `a` has one with a share of real cases."""
    controls = ("repeated",)
    shared = {"dose": 1.0, "controls": controls}
    settings = {
        "real": ArmSettings(),
        "a-noise": ArmSettings(generator="a", corruption="images", **shared),
        "a-half": ArmSettings(generator="a", real_share=0.5, **shared),
        "a": ArmSettings(generator="a", **shared),
        "b": ArmSettings(generator="b", **shared),
    }
    differences = {"a-noise": -0.5, "a-half": 0.3, "a": 0.02, "b": 0.01}
    # Cases drawn uniformly at one dose have one control.
    controlled = {"a-half": "a-half-repeated"}
    about = {"task": "segmentation", "dose": 1.0, "fold": None, "generator_seed": None}
    rows = [
        row_of(
            "dice+_difference",
            arm[0],
            value,
            0.005,
            arm=arm,
            versus=controlled.get(arm, "a-noise-repeated"),
            **about,
        )
        for arm, value in differences.items()
    ]
    arms = list(resolve_arms(settings).values())
    table = ranked(*rows, generators=("a", "b"), arms=arms, tasks={"segmentation": "dice"})
    assert values(table, VALUE) == {"a": 0.02, "b": 0.01} and values(table, RANK) == {"a": 1, "b": 2}


def test_a_metric_of_one_place_is_ranked_by_it() -> None:
    settings = {"real": ArmSettings()} | {
        name: ArmSettings(generator=name, dose=1.0, controls=("repeated",)) for name in ("a", "b")
    }
    arms = list(resolve_arms(settings).values())
    shared = {"task": "ef", "dose": 1.0, "fold": None, "generator_seed": None}
    rows = [
        row_of("absolute_error_sd+_difference", name, value, 0.01, arm=name, versus="a-repeated", **shared)
        | place
        for name, value in {"a": -0.2, "b": -0.1}.items()
        for place in ({"target": "lv_ef"},)
    ]
    table = ranked(*rows, generators=("a", "b"), arms=arms, tasks={"ef": "absolute_error_sd"})
    assert values(table, RANK) == {"a": 1, "b": 2}
    # Of two phenotypes, the mean over both counts.
    both = [row | {"target": None, "value": -row["value"]} for row in rows]
    table = ranked(*rows, *both, generators=("a", "b"), arms=arms, tasks={"ef": "absolute_error_sd"})
    assert values(table, RANK) == {"a": 2, "b": 1}


def test_an_interval_over_trainings_ends_where_the_metric_does() -> None:
    rows = [
        row_of("acceptance_rate", name, value, 0.05, fold=fold)
        for name in ("a", "b")
        for fold, value in enumerate((0.9, 1.0))
    ]
    table = ranked(*rows, generators=("a", "b"))
    found = table[(table["metric"] == VALUE) & (table["generator"] == "a")].iloc[0]
    # Half-width: 0.05 of the samples, and 12.706 * 0.0707 / sqrt(2) of two trainings.
    assert found["ci_low"] == pytest.approx(0.95 - np.hypot(0.05, 0.6353), abs=1e-3) and found["ci_high"] == 1


def test_wilsons_intervals_are_of_95_percent_whatever_the_coverage() -> None:
    settings = SETTINGS.model_copy(update={"confidence": 0.5})
    rows = make_table(
        row_of("acceptance_rate", name, value, 0.098) for name, value in {"a": 0.5, "b": 0.55}.items()
    )
    table = rank_generators(rows, ("a", "b"), [], {}, settings)
    # Half-widths of 0.098 are 1.96 SD of 0.05: b leads in P(z < 0.05 / (0.05 sqrt(2))) = 0.76 of the draws.
    assert values(table, FIRST)["b"] == pytest.approx(0.76, abs=0.03)


def test_the_ranking_is_a_file_beside_the_rows() -> None:
    table = ranked(row_of("copied_share", "a", 0.0, 0.05), row_of("copied_share", "b", 0.5, 0.05))
    (text,) = ranking_files(table).values()
    lines = [line.split("\t") for line in text.splitlines()]
    head = lines[0]
    first = dict(zip(head, lines[1], strict=True))
    assert first["criterion"] == "copied_share" and first["generator"] == "a" and float(first["rank"]) == 1
    assert float(first["order_kept"]) == 1 and first["direction"] == "lower"
    assert ranking_files(table.iloc[:0]) == {}
