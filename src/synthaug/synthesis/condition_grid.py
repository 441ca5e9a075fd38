"""A grid of requests that goes past what the training patients have, to see how far a generator obeys."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthaug.config.synthesis import GridSettings
from synthaug.core.errors import SynthaugError
from synthaug.synthesis.plan import complete_plan
from synthaug.synthesis.requests import CONDITION_COLUMNS, conditions_of, refuse_impossible

#: A heart ejects something, and never all it holds.
_POSSIBLE_EF = (0.01, 0.99)
_STREAM = 1  # of sample seeds: plans have 0


def plan_grid(
    training: pd.DataFrame, settings: GridSettings, generator: str, seed: int, max_slices: int
) -> pd.DataFrame:
    """Plan a grid of hearts over end-diastolic volume and ejection fraction.

    Parameters
    ----------
    training : DataFrame
        Rows of the cohort table of the fold's training subjects, labelled or not.
    settings : GridSettings
        Levels, and how far past the training range the grid goes.
    generator : str
        Name of the generator; ids are ``{generator}-s{seed}-grid-{number:03d}``.
    seed : int
        Generator seed.
    max_slices : int
        Slices of the training grid.

    Returns
    -------
    DataFrame
        ``levels**2`` rows with the columns of `plan_conditions`, EDV changing slowest.

    Raises
    ------
    SynthaugError
        No training subject has volumes, or a request is impossible.

    Notes
    -----
    EDV is log-spaced, EF evenly. Mass, where any subject has one, is log-spaced as EDV is and takes its
    levels as a Latin square: each once with every EDV and every EF, so that it is told apart from both
    without a third axis. It is kept to as much per mL of cavity as the training subjects have, widened
    alike: a wall of 2 mm around 400 mL is no heart. Diagnosis and vendor are left open, because most
    of the grid would contradict any of them; slices and timing of ES are the median subject's.
    """
    subjects = conditions_of(training)
    ranges = training_ranges(training)
    if "lv_ef" not in ranges:
        raise SynthaugError(
            f"{generator}: no training subject has LV volumes to lay a grid over; "
            "see the split of this fold, or set synthesis.grid.levels to 0"
        )
    least_ef, greatest_ef = (percent / 100 for percent in ranges["lv_ef"])
    margin = settings.beyond * (greatest_ef - least_ef)
    fractions = np.linspace(least_ef - margin, greatest_ef + margin, settings.levels).clip(*_POSSIBLE_EF)
    volumes = np.geomspace(*_widened(ranges["lv_edv_ml"], settings.beyond), settings.levels)
    edv_ml, ef = np.repeat(volumes, settings.levels), np.tile(fractions, settings.levels)
    requests = pd.DataFrame({"lv_edv_ml": edv_ml, "lv_esv_ml": edv_ml * (1 - ef)})
    if "myo_mass_g" in ranges:
        requests["myo_mass_g"] = _masses(subjects, ranges["myo_mass_g"], edv_ml, settings)
    requests = requests.round(2).reindex(columns=list(CONDITION_COLUMNS))
    requests["n_slices"] = round(float(subjects["n_slices"].median()))
    requests["es_phase"] = subjects["es_phase"].median()
    refuse_impossible(requests, subjects, max_slices, "synthesis.grid")
    names = [f"{generator}-s{seed}-grid-{number:03d}" for number in range(len(requests))]
    return complete_plan(requests, names, seed, _STREAM)


def training_ranges(training: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Least and greatest of what the fold's training subjects have.

    Parameters
    ----------
    training : DataFrame
        Rows of a cohort's table.

    Returns
    -------
    dict of str to (float, float)
        Of ``lv_edv_ml``, ``lv_esv_ml``, ``lv_ef`` (%) and ``myo_mass_g``, those that any subject has.
    """
    subjects = conditions_of(training)
    known = subjects[["lv_edv_ml", "lv_esv_ml", "myo_mass_g"]].where(lambda values: values > 0)
    known["lv_ef"] = 100 * (1 - known["lv_esv_ml"] / known["lv_edv_ml"])
    return {
        str(column): (float(values.min()), float(values.max()))
        for column, values in known.items()
        if values.notna().any()
    }


def _widened(bounds: tuple[float, float], share: float) -> tuple[float, float]:
    return bounds[0] * (1 - share), bounds[1] * (1 + share)


def _masses(
    subjects: pd.DataFrame, bounds: tuple[float, float], edv_ml: np.ndarray, settings: GridSettings
) -> np.ndarray:
    """Mass of every heart of the grid, in g."""
    levels = np.geomspace(*_widened(bounds, settings.beyond), settings.levels)
    row, column = np.divmod(np.arange(len(edv_ml)), settings.levels)
    per_ml = subjects["myo_mass_g"] / subjects["lv_edv_ml"]
    thinnest, thickest = _widened((per_ml.min(), per_ml.max()), settings.beyond)
    return np.clip(levels[(row + column) % settings.levels], thinnest * edv_ml, thickest * edv_ml)
