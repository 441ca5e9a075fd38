"""Controllability: agreement of asked and measured volumes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.controllability import measure_controllability

FIELDS = {"generator": "cascade", "fold": 0, "generator_seed": 1}


def tables(
    n: int, slope: float = 1.0, offset: float = 0.0, noise: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    subjects = [f"s{i}" for i in range(n)]
    edv = rng.uniform(80, 250, n)
    measured = slope * edv + offset + noise * rng.normal(size=n)
    asked = pd.DataFrame({"subject": subjects, "asked_lv_edv_ml": edv, "lv_edv_ml": -1.0})
    return asked, pd.DataFrame({"subject": subjects, "lv_edv_ml": measured}).sample(frac=1, random_state=2)


def test_constant_offset() -> None:
    rows = measure_controllability(*tables(12, offset=-7), "segmenter", FIELDS, replicates=200).set_index(
        "metric"
    )
    assert rows.loc["controllability_r_lv_edv_ml", "value"] == pytest.approx(1)
    for measure in ("bias", "loa_low", "loa_high"):
        assert rows.loc[f"controllability_{measure}_lv_edv_ml", "value"] == pytest.approx(-7)
    assert set(rows["structure"]) == {"LV"} and set(rows["phase"]) == {"ED"} and set(rows["n"]) == {12}
    assert set(rows["versus"]) == {"segmenter"} and set(rows["generator"]) == {"cascade"}


def test_noise_lowers_the_correlation_and_the_interval_holds_it() -> None:
    asked, measured = tables(40, noise=30)
    rows = measure_controllability(asked, measured, "segmenter", FIELDS, replicates=300).set_index("metric")
    row = rows.loc["controllability_r_lv_edv_ml"]
    merged = asked.merge(measured, on="subject")
    assert row["value"] == pytest.approx(np.corrcoef(merged["asked_lv_edv_ml"], merged["lv_edv_ml_y"])[0, 1])
    assert 0.5 < row["ci_low"] < row["value"] < row["ci_high"] < 1


def test_unknown_volumes_are_left_out_and_counted() -> None:
    asked, measured = tables(10)
    measured.loc[measured["subject"].isin(["s0", "s1"]), "lv_edv_ml"] = np.nan
    rows = measure_controllability(asked, measured, "segmenter", FIELDS, replicates=50)
    assert set(rows["n"]) == {8}


@pytest.mark.parametrize(("n", "slope", "note"), [(2, 1.0, "fewer than three"), (8, 0.0, "do not vary")])
def test_not_measured(n: int, slope: float, note: str) -> None:
    rows = measure_controllability(*tables(n, slope, 100.0), "segmenter", FIELDS, replicates=50)
    row = rows[rows["metric"] == "controllability_r_lv_edv_ml"].iloc[0]
    assert row["status"] == "not_measured" and note in row["note"]
    bias = rows[rows["metric"] == "controllability_bias_lv_edv_ml"].iloc[0]
    assert bias["status"] == ("not_measured" if n < 3 else "ok")
    assert n < 3 or bias["ci_low"] < bias["value"] < bias["ci_high"]


def test_nothing_asked_nothing_measured() -> None:
    asked, measured = tables(5)
    assert measure_controllability(asked[["subject"]], measured, "segmenter", FIELDS).empty
