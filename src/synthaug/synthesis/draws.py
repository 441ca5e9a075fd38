"""Requests drawn around the real training subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from synthaug.config.synthesis import RequestSettings
from synthaug.core.errors import SynthaugError

# First entry of a random stream's key, so that no two uses of one seed share numbers.
_ORDER, _VOLUMES = 1, 2


def draw_requests(
    subjects: pd.DataFrame, settings: RequestSettings, numbers: Sequence[int], seed: int
) -> pd.DataFrame:
    """Draw requests from the smoothed joint distribution of real subjects.

    Parameters
    ----------
    subjects : DataFrame
        What each real subject would be requested as, from `requests_of`.
    settings : RequestSettings
        Smoothing, bounds, and whether diagnoses are balanced.
    numbers : sequence of int
        Which requests of the endless sequence of the seed, from 0; a request does not depend on the others.
    seed : int
        Random seed.

    Returns
    -------
    DataFrame
        One row a number, with the columns of `subjects`.

    Notes
    -----
    Real subjects take turns in a random order, so that even a short plan follows the real mixture of
    diagnoses and vendors (balanced: within each diagnosis, and diagnoses take turns). Volumes and mass
    come from a Gaussian kernel around the subject in (log EDV, logit EF, log mass): the covariance of
    the measured subjects about the means of their diagnoses, times Silverman's squared bandwidth for
    three dimensions (Density Estimation, 1986, eq. 4.14), times the squared smoothing. A subject that
    lacks one of them keeps its diagnosis and vendor; all three come from around a measured subject of
    that diagnosis or, where there is none, stay open. If no subject has a mass, as with labels of the
    cavity alone, the kernel has two dimensions and mass stays open.
    """
    ef_bounds = np.array(settings.ef_range_percent) / 100
    features = _features_of(subjects, ef_bounds)
    diagnoses = subjects.loc[features.index, "diagnosis"].fillna("")
    covariance = settings.smoothing**2 * _kernel_covariance(features, diagnoses)
    rows = []
    for number, index in zip(numbers, take_turns(subjects, settings, numbers, seed), strict=True):
        row: dict[str, Any] = subjects.loc[index].to_dict()
        rng = np.random.default_rng([_VOLUMES, seed, number])
        if index not in features.index:
            donors = features.index[diagnoses == (row["diagnosis"] or "")]
            index = rng.choice(donors) if len(donors) else None
        if index is not None:
            drawn = rng.multivariate_normal(features.loc[index], covariance, method="eigh")
            heart = dict(zip(features.columns, drawn, strict=True))
            edv_ml = np.clip(np.exp(heart["log_edv"]), *settings.edv_range_ml)
            esv_ml = edv_ml * (1 - np.clip(expit(heart["logit_ef"]), *ef_bounds))
            row |= {
                "lv_edv_ml": round(float(edv_ml), 2),
                "lv_esv_ml": round(float(esv_ml), 2),
                "myo_mass_g": round(float(np.exp(heart.get("log_mass", np.nan))), 2),
                "es_phase": subjects.loc[index, "es_phase"],
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=subjects.columns)


def take_turns(
    subjects: pd.DataFrame, settings: RequestSettings, numbers: Sequence[int], seed: int
) -> list[Any]:
    """Indices of the real subjects whose diagnosis, vendor and slices the requests have; see `draw_requests`.

    Raises
    ------
    SynthaugError
        Balanced diagnoses are requested, and no subject has one.
    """
    groups = [subjects]
    if settings.source == "balanced":
        groups = [group for _, group in subjects.groupby("diagnosis", sort=True)]
        if not groups:
            raise SynthaugError("synthesis.requests: no training subject has a diagnosis; use `source: real`")
    return [_whose_turn(groups, number, seed) for number in numbers]


def _whose_turn(groups: Sequence[pd.DataFrame], number: int, seed: int) -> Any:
    """Index of the real subject around which row `number` is drawn."""
    group = groups[number % len(groups)]
    turn, place = divmod(number // len(groups), len(group))
    order = np.random.default_rng([_ORDER, seed, number % len(groups), turn]).permutation(len(group))
    return group.index[order[place]]


def _features_of(subjects: pd.DataFrame, ef_bounds: np.ndarray) -> pd.DataFrame:
    """Log EDV, logit EF and log mass of the subjects that have them; without mass if no subject has one."""
    edv_ml, mass_g = (subjects[column].where(subjects[column] > 0) for column in ("lv_edv_ml", "myo_mass_g"))
    fractions = (1 - subjects["lv_esv_ml"] / edv_ml).clip(*ef_bounds)
    features = pd.DataFrame(
        {"log_edv": np.log(edv_ml), "logit_ef": logit(fractions), "log_mass": np.log(mass_g)}
    )
    return features.drop(columns=[] if mass_g.notna().any() else ["log_mass"]).dropna()


def _kernel_covariance(features: pd.DataFrame, diagnoses: pd.Series) -> np.ndarray:
    """Within-diagnosis covariance times Silverman's squared bandwidth; shape (d, d) for d features."""
    count, dimensions = features.shape
    freedom = count - diagnoses.nunique()
    if freedom < 1:  # one subject a diagnosis says nothing about the spread within it
        return np.zeros((dimensions, dimensions))
    residuals = (features - features.groupby(diagnoses).transform("mean")).to_numpy()
    bandwidth = (4 / (dimensions + 2) / count) ** (1 / (dimensions + 4))
    return residuals.T @ residuals / freedom * bandwidth**2
