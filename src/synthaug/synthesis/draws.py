"""Requests drawn around the real training subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from synthaug.config.synthesis import ConditionPlanSettings
from synthaug.errors import SynthaugError

# First entry of a random stream's key, so that no two uses of one seed share numbers.
_ORDER, _VOLUMES = 1, 2


def draw_conditions(
    subjects: pd.DataFrame, settings: ConditionPlanSettings, count: int, seed: int
) -> pd.DataFrame:
    """Draw requests from the smoothed joint distribution of real subjects.

    Parameters
    ----------
    subjects : DataFrame
        What each real subject would be asked as, from `conditions_of`.
    settings : ConditionPlanSettings
        Smoothing, bounds, and whether diagnoses are balanced.
    count, seed : int
        Number of rows; random seed.

    Returns
    -------
    DataFrame
        `count` rows with the columns of `subjects`.

    Notes
    -----
    Real subjects take turns in a random order, so that even a short plan follows the real mixture of
    diagnoses and vendors (balanced: within each diagnosis, and diagnoses take turns). Volumes come
    from a Gaussian kernel around the subject in (log EDV, logit EF): the covariance of the measured
    subjects about the means of their diagnoses, times Silverman's squared bandwidth n^(-1/3) for two
    dimensions (Density Estimation, 1986, eq. 4.14), times the squared smoothing. A subject without
    volumes keeps its diagnosis and vendor; its volumes come from around a measured subject of that
    diagnosis or, where there is none, stay open.
    """
    groups = [subjects]
    if settings.source == "balanced":
        groups = [group for _, group in subjects.groupby("diagnosis", sort=True)]
        if not groups:
            raise SynthaugError("synthesis.plan: no training subject has a diagnosis; use `source: real`")
    ef_bounds = np.array(settings.ef_range_percent) / 100
    measured = subjects[subjects["lv_edv_ml"].gt(0) & subjects["lv_esv_ml"].notna()]
    diagnoses = measured["diagnosis"].fillna("")
    fractions = (1 - measured["lv_esv_ml"] / measured["lv_edv_ml"]).clip(*ef_bounds)
    features = pd.DataFrame({"log_edv": np.log(measured["lv_edv_ml"]), "logit_ef": logit(fractions)})
    covariance = settings.smoothing**2 * _kernel_covariance(features, diagnoses)
    rows = []
    for number in range(count):
        index = _whose_turn(groups, number, seed)
        row: dict[str, Any] = subjects.loc[index].to_dict()
        rng = np.random.default_rng([_VOLUMES, seed, number])
        if index not in features.index:
            donors = features.index[diagnoses == (row["diagnosis"] or "")]
            index = rng.choice(donors) if len(donors) else None
        if index is not None:
            log_edv, logit_ef = rng.multivariate_normal(features.loc[index], covariance, method="eigh")
            edv_ml = np.clip(np.exp(log_edv), *settings.edv_range_ml)
            esv_ml = edv_ml * (1 - np.clip(expit(logit_ef), *ef_bounds))
            row |= {
                "lv_edv_ml": round(float(edv_ml), 2),
                "lv_esv_ml": round(float(esv_ml), 2),
                "es_phase": subjects.loc[index, "es_phase"],
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=subjects.columns)


def _whose_turn(groups: Sequence[pd.DataFrame], number: int, seed: int) -> Any:
    """Index of the real subject around which row `number` is drawn."""
    group = groups[number % len(groups)]
    turn, place = divmod(number // len(groups), len(group))
    order = np.random.default_rng([_ORDER, seed, number % len(groups), turn]).permutation(len(group))
    return group.index[order[place]]


def _kernel_covariance(features: pd.DataFrame, diagnoses: pd.Series) -> np.ndarray:
    """Within-diagnosis covariance times Silverman's squared bandwidth; shape (2, 2)."""
    freedom = len(features) - diagnoses.nunique()
    if freedom < 1:  # one subject a diagnosis says nothing about the spread within it
        return np.zeros((2, 2))
    residuals = (features - features.groupby(diagnoses).transform("mean")).to_numpy()
    return residuals.T @ residuals / freedom * len(features) ** (-1 / 3)
