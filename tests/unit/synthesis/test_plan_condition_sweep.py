"""The grid past the training range: its ends and steps by hand, and what is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import RequestSettings, SweepSettings
from synthaug.core.errors import SynthaugError
from synthaug.synthesis.plan_condition_sweep import plan_condition_sweep, training_ranges
from synthaug.synthesis.plan_requests import plan_requests

GRID = HarmonisationSettings(matrix=(10, 64, 64), frames=10, spacing_mm=(10, 2, 2))


def training_table(**changes: object) -> pd.DataFrame:
    """EDV 100 to 200 mL, EF 30 to 60 %, mass 80 to 160 g, the last without labels."""
    table = pd.DataFrame(
        {
            "subject": ["a", "b", "c", "d"],
            "diagnosis": ["NOR", "DCM", "NOR", None],
            "vendor": "A",
            "lv_edv_ml": [100.0, 200.0, 150.0, np.nan],
            "lv_esv_ml": [40.0, 140.0, 75.0, np.nan],
            "myo_mass_g": [80.0, 160.0, 120.0, np.nan],
            "n_slices": [8, 10, 9, 9],
            "es_frame": [4, 5, 4, None],
            "n_frames": 10,
        }
    )
    return table.assign(**changes)


def grid(training: pd.DataFrame | None = None, seed: int = 0, **settings: object) -> pd.DataFrame:
    table = training_table() if training is None else training
    return plan_condition_sweep(table, SweepSettings(**settings), "cascade", seed, GRID).table


def test_the_ends_lie_a_tenth_past_the_training_range_and_edv_is_log_spaced() -> None:
    planned = grid()
    assert len(planned) == 25
    edv_ml = sorted(planned["lv_edv_ml"].unique())
    assert edv_ml[0] == 90 and edv_ml[-1] == 220
    assert np.diff(np.log(edv_ml)) == pytest.approx(np.log(220 / 90) / 4, abs=1e-3)
    # 30 to 60 % widened by a tenth of 30 at either end, evenly, for every EDV
    ef = (100 * (1 - planned["lv_esv_ml"] / planned["lv_edv_ml"])).to_numpy().reshape(5, 5)
    assert ef == pytest.approx(np.tile([27, 36, 45, 54, 63], (5, 1)), abs=0.02)


def test_mass_is_a_latin_square_past_its_range() -> None:
    masses = grid()["myo_mass_g"].to_numpy().reshape(5, 5)
    levels = np.geomspace(72, 176, 5).round(2)
    # 0.8 g per mL in every training subject: 0.72 to 0.88 are kept to, where the square allows it.
    edv_ml = grid()["lv_edv_ml"].to_numpy().reshape(5, 5)
    assert (masses / edv_ml).min() == pytest.approx(0.72, abs=1e-3)
    assert (masses / edv_ml).max() == pytest.approx(0.88, abs=1e-3)
    free = training_table(myo_mass_g=[160.0, 80.0, 120.0, np.nan])  # 0.36 to 1.76 g per mL with the margins
    wide = grid(free)["myo_mass_g"].to_numpy().reshape(5, 5)
    assert wide[1].tolist() == [levels[1], levels[2], levels[3], levels[4], levels[0]]
    assert wide[0, -1] == round(1.76 * 90, 2)  # the thickest there is, not 176 g
    assert wide[-1, 1] == round(0.36 * 220, 2)  # the thinnest there is, not 72 g


def test_all_else_is_open_or_the_median() -> None:
    planned = grid()
    assert planned[["diagnosis", "vendor"]].isna().all(axis=None)
    assert (planned["n_slices"] == 9).all() and (planned["es_phase"] == 0.4).all()
    assert planned["subject"].iloc[[0, 24]].tolist() == ["cascade-s0-sweep-000", "cascade-s0-sweep-024"]


def test_the_grid_has_the_columns_of_a_plan_and_seeds_of_its_own() -> None:
    planned = plan_requests(training_table(), RequestSettings(), "cascade", range(40), 0, GRID).table
    assert list(grid().columns) == list(planned.columns)
    seeds = [set(planned["seed"]), set(grid()["seed"]), set(grid(seed=1)["seed"])]
    assert len(set.union(*seeds)) == 40 + 25 + 25


def test_an_ejection_fraction_stays_possible() -> None:
    training = training_table(lv_esv_ml=[2.0, 196.0, 75.0, np.nan])  # 98 % and 2 %
    planned = grid(training, beyond=0.4)
    ef = 1 - planned["lv_esv_ml"] / planned["lv_edv_ml"]
    assert ef.min() == pytest.approx(0.01, abs=1e-3) and ef.max() == pytest.approx(0.99, abs=1e-3)


def test_mass_that_nobody_has_is_left_open() -> None:
    training = training_table(myo_mass_g=np.nan)
    assert grid(training)["myo_mass_g"].isna().all()
    assert set(training_ranges(training)) == {"lv_edv_ml", "lv_esv_ml", "lv_ef"}


def test_training_ranges() -> None:
    assert training_ranges(training_table()) == {
        "lv_edv_ml": (100, 200),
        "lv_esv_ml": (40, 140),
        "myo_mass_g": (80, 160),
        "lv_ef": (pytest.approx(30), pytest.approx(60)),
    }


def test_without_volumes_there_is_no_grid() -> None:
    with pytest.raises(SynthaugError, match=r"no training subject has LV volumes.*sweep\.levels to 0"):
        grid(training_table(lv_esv_ml=np.nan))


def test_one_level_is_no_grid() -> None:
    with pytest.raises(ValidationError, match="give at least 2, or 0 for no sweep"):
        SweepSettings(levels=1)
    assert len(grid(levels=2)) == 4
