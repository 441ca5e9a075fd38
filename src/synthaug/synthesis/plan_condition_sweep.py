"""Condition sweep: requests that go past what the training patients have, for controllability."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import SweepSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import REQUEST_COLUMNS, Cohort
from synthaug.synthesis.plan_requests import complete_requests
from synthaug.synthesis.requests import refuse_impossible, request_cohort, requests_of

#: A heart ejects something, and never all it holds.
_POSSIBLE_EF = (0.01, 0.99)
_STREAM = 1  # of sample seeds: requests of `plan_requests` have 0


def plan_condition_sweep(
    training: pd.DataFrame, settings: SweepSettings, generator: str, seed: int, grid: HarmonisationSettings
) -> Cohort:
    """Request hearts over a range of end-diastolic volume and ejection fraction.

    Parameters
    ----------
    training : DataFrame
        Rows of the cohort table of the fold's training subjects, labelled or not.
    settings : SweepSettings
        Levels, and how far past the training range they go.
    generator : str
        Name of the generator; ids are ``{generator}-s{seed}-sweep-{number:03d}``.
    seed : int
        Generator seed.
    grid : HarmonisationSettings
        The training grid.

    Returns
    -------
    Cohort
        Of kind ``"request"``: ``levels**2`` rows with the columns of `plan_requests`, EDV changing slowest.

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
    requests would contradict any of them; slices and timing of ES are the median subject's.
    """
    subjects = requests_of(training)
    ranges = training_ranges(training)
    if "lv_ef" not in ranges:
        raise SynthaugError(
            f"{generator}: no training subject has LV volumes for a condition sweep; "
            "see the split of this fold, or set synthesis.sweep.levels to 0"
        )
    least_ef, greatest_ef = (percent / 100 for percent in ranges["lv_ef"])
    margin = settings.beyond * (greatest_ef - least_ef)
    fractions = np.linspace(least_ef - margin, greatest_ef + margin, settings.levels).clip(*_POSSIBLE_EF)
    volumes = np.geomspace(*_widened(ranges["lv_edv_ml"], settings.beyond), settings.levels)
    edv_ml, ef = np.repeat(volumes, settings.levels), np.tile(fractions, settings.levels)
    requests = pd.DataFrame({"lv_edv_ml": edv_ml, "lv_esv_ml": edv_ml * (1 - ef)})
    if "myo_mass_g" in ranges:
        requests["myo_mass_g"] = _masses(subjects, ranges["myo_mass_g"], edv_ml, settings)
    requests = requests.round(2).reindex(columns=list(REQUEST_COLUMNS))
    requests["n_slices"] = round(float(subjects["n_slices"].median()))
    requests["es_phase"] = subjects["es_phase"].median()
    refuse_impossible(requests, subjects, grid.matrix[0], "synthesis.sweep")
    names = [f"{generator}-s{seed}-sweep-{number:03d}" for number in range(len(requests))]
    table = complete_requests(requests, names, seed, _STREAM)
    return request_cohort(table, generator, spacing_mm=grid.spacing_mm)


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
    subjects = requests_of(training)
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
    subjects: pd.DataFrame, bounds: tuple[float, float], edv_ml: np.ndarray, settings: SweepSettings
) -> np.ndarray:
    """Mass of every heart of the sweep, in g."""
    levels = np.geomspace(*_widened(bounds, settings.beyond), settings.levels)
    row, column = np.divmod(np.arange(len(edv_ml)), settings.levels)
    per_ml = subjects["myo_mass_g"] / subjects["lv_edv_ml"]
    thinnest, thickest = _widened((per_ml.min(), per_ml.max()), settings.beyond)
    return np.clip(levels[(row + column) % settings.levels], thinnest * edv_ml, thickest * edv_ml)
