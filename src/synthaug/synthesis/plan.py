"""Condition plans: which synthetic hearts are asked for, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.synthesis import ConditionPlanSettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.synthesis.draws import draw_conditions
from synthaug.synthesis.requests import TEXT_CONDITIONS, conditions_of, read_requests, refuse_impossible


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
    or the generator: a longer plan begins with the shorter one, and two generators with one seed
    are asked for the same hearts.

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
        Columns subject, diagnosis, vendor, lv_edv_ml, lv_esv_ml, myo_mass_g (at ED), n_slices, es_phase (ES as
        a fraction of the cycle after ED) and seed (of the sample). Empty is left open to the generator; n_slices
        and seed never are.

    Raises
    ------
    SynthaugError
        There is nobody to learn from, or a request is impossible; the message names it.
    """
    if training.empty:
        raise SynthaugError(f"{generator}: no training subject to plan from; see the split of this fold")
    subjects = conditions_of(training)
    conditions = draw_conditions(subjects, settings, count, seed)
    if settings.table is not None:
        requests = read_requests(Path(settings.table))
        refuse_impossible(requests, subjects, max_slices, settings.table)
        requests = requests.iloc[np.arange(count) % len(requests)].reset_index(drop=True)
        # A generator must know how many slices to draw, so an open count follows the real ones.
        conditions = requests.assign(n_slices=requests["n_slices"].fillna(conditions["n_slices"]))
    refuse_impossible(conditions, subjects, max_slices, "synthesis.plan")
    return complete_plan(conditions, [f"{generator}-s{seed}-{number:04d}" for number in range(count)], seed)


def complete_plan(requests: pd.DataFrame, names: Sequence[str], seed: int, stream: int = 0) -> pd.DataFrame:
    """Requests as a plan: each with its id in front and the seed of its sample behind.

    Parameters
    ----------
    requests : DataFrame
        `CONDITION_COLUMNS`.
    names : sequence of str
        An id for each request.
    seed : int
        Generator seed.
    stream : int
        Keeps apart the samples of plans that are no continuation of one another.
    """
    plan = requests.assign(seed=[_sample_seed(seed, number, stream) for number in range(len(requests))])
    plan.insert(0, "subject", list(names))
    return plan.astype(dict.fromkeys(("subject", *TEXT_CONDITIONS), "string") | {"n_slices": int})


def read_plan(path: str | Path) -> pd.DataFrame:
    """Read a plan written as TSV."""
    return read_tsv(path, ("subject", *TEXT_CONDITIONS))


def plan_chunk(plan: pd.DataFrame, chunk: int, chunk_size: int) -> pd.DataFrame:
    """Rows of a plan that make up chunk number `chunk`, counted from 0."""
    return plan.iloc[chunk * chunk_size : (chunk + 1) * chunk_size].reset_index(drop=True)


def _sample_seed(*key: int) -> int:
    # 31 bits: torch, numpy and TSV readers all take it, and later attempts can add to it.
    return int(np.random.SeedSequence(key).generate_state(1)[0] >> 1)
