"""Condition plans: which synthetic hearts are asked for, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from synthaug.artifacts import read_tsv
from synthaug.config.synthesis import ConditionPlanSettings
from synthaug.errors import SynthaugError
from synthaug.synthesis.requests import CONDITION_COLUMNS, TEXT_CONDITIONS, read_requests, refuse_impossible

#: First entry of a random stream's key, so that no two uses of one seed share numbers.
_ORDER, _VOLUMES, _SAMPLE = range(3)


def plan_conditions(
    training: pd.DataFrame,
    settings: ConditionPlanSettings,
    generator: str,
    count: int,
    seed: int,
    max_slices: int,
) -> pd.DataFrame:
    """Plan `count` synthetic subjects.

    A row depends on the training subjects, the settings, the seed and its number, not on `count`
    or on the generator: a longer plan begins with the shorter one, and two generators with one
    seed are asked for the same hearts.

    Parameters
    ----------
    training : DataFrame
        Rows of the cohort table of the fold's training subjects, labelled or not.
    settings : ConditionPlanSettings
        Source of the requests.
    generator : str
        Name of the generator; ids are ``{generator}-s{seed}-{number:04d}``.
    count : int
        Number of subjects to plan.
    seed : int
        Generator seed.
    max_slices : int
        Slices of the training grid.

    Returns
    -------
    DataFrame
        Columns subject, diagnosis, vendor, lv_edv_ml, lv_esv_ml, n_slices, es_phase (ES as a fraction
        of the cycle after ED) and seed (of the sample). Empty is left open to the generator.

    Raises
    ------
    SynthaugError
        There is nobody to learn from, or a request is impossible; the message names it.

    Notes
    -----
    Volumes are drawn from a Gaussian kernel around a real subject in (log EDV, logit EF), with the
    covariance of the subjects about the means of their diagnoses, scaled by Silverman's bandwidth
    n^(-1/6) (Density Estimation, 1986, eq. 4.15). Subjects take turns in a random order, so that
    even a short plan follows the real mixture of diagnoses and vendors. A subject without volumes
    lends its diagnosis and vendor; its volumes come from a measured subject of that diagnosis or,
    where there is none, stay open.
    """
    if training.empty:
        raise SynthaugError(f"{generator}: no training subject to plan from; see the split of this fold")
    subjects = _conditions_of(training)
    if settings.source == "table":
        assert settings.table is not None
        conditions = _complete_requests(read_requests(Path(settings.table)), subjects, count, seed)
    else:
        conditions = _draw_conditions(subjects, settings, count, seed)
    refuse_impossible(conditions, subjects, max_slices, settings.table)
    plan = conditions.astype(dict.fromkeys(TEXT_CONDITIONS, "string") | {"n_slices": int})
    plan.insert(0, "subject", [f"{generator}-s{seed}-{number:04d}" for number in range(count)])
    plan["seed"] = [_sample_seed(seed, number) for number in range(count)]
    return plan


def read_plan(path: str | Path) -> pd.DataFrame:
    """Read a plan written as TSV."""
    return read_tsv(path, ("subject", *TEXT_CONDITIONS))


def plan_chunk(plan: pd.DataFrame, chunk: int, chunk_size: int) -> pd.DataFrame:
    """Rows of a plan that make up chunk number `chunk`, counted from 0."""
    return plan.iloc[chunk * chunk_size : (chunk + 1) * chunk_size].reset_index(drop=True)


def _sample_seed(seed: int, number: int) -> int:
    # 31 bits: later attempts add to it, and torch, numpy and TSV readers all take the result.
    return int(np.random.SeedSequence([_SAMPLE, seed, number]).generate_state(1)[0] >> 1)


def _conditions_of(training: pd.DataFrame) -> pd.DataFrame:
    """What each real subject would be asked as; unknown text is None, unknown numbers NaN."""
    subjects = training.reset_index(drop=True)
    conditions = subjects.reindex(columns=["lv_edv_ml", "lv_esv_ml", "n_slices"]).astype(float)
    for column in TEXT_CONDITIONS:
        conditions[column] = subjects[column].astype(object).where(subjects[column].notna(), None)
    phase = subjects["es_frame"].astype(float) / subjects["n_frames"].astype(float)
    conditions["es_phase"] = phase.where(phase > 0)
    return conditions[list(CONDITION_COLUMNS)]


def _draw_conditions(
    subjects: pd.DataFrame, settings: ConditionPlanSettings, count: int, seed: int
) -> pd.DataFrame:
    groups = [subjects]
    if settings.source == "balanced":
        groups = [group for _, group in subjects.groupby("diagnosis", sort=True)]
        if not groups:
            raise SynthaugError("synthesis.plan: no training subject has a diagnosis to balance; use source: real")
    measured = subjects[subjects["lv_edv_ml"].gt(0) & subjects["lv_esv_ml"].notna()]
    ejection = (1 - measured["lv_esv_ml"] / measured["lv_edv_ml"]).clip(*_fractions(settings.ef_range_percent))
    features = pd.DataFrame({"log_edv": np.log(measured["lv_edv_ml"]), "logit_ef": logit(ejection)})
    kernel = settings.smoothing**2 * _kernel_covariance(features, measured["diagnosis"])
    rows = []
    for number in range(count):
        row = _take_turns(groups, number, seed).to_dict()
        rng = np.random.default_rng([_VOLUMES, seed, number])
        donors = features[(measured["diagnosis"] == row["diagnosis"]).to_numpy()]
        if row["diagnosis"] is None:
            donors = features[measured["diagnosis"].isna().to_numpy()]
        rows.append(row | _draw_volumes(row, donors, measured, kernel, settings, rng))
    return pd.DataFrame(rows, columns=list(CONDITION_COLUMNS))


def _take_turns(groups: Sequence[pd.DataFrame], number: int, seed: int) -> pd.Series:
    """The real subject that lends row `number` its diagnosis, vendor and slice count."""
    group = groups[number % len(groups)]
    turn, place = divmod(number // len(groups), len(group))
    order = np.random.default_rng([_ORDER, seed, number % len(groups), turn]).permutation(len(group))
    return group.iloc[order[place]]
