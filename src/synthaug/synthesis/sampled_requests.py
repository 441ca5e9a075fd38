"""Requests whose phenotypes are drawn from a model of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthaug.config.conditions import CATEGORIES
from synthaug.config.synthesis import RequestSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import REQUEST_COLUMNS
from synthaug.phenotypes.coordinates import solve_ventricle
from synthaug.phenotypes.identities import ventricle
from synthaug.synthesis.draws import take_turns
from synthaug.synthesis.requests import problem_of, seen_categories

if TYPE_CHECKING:
    # Which class it is, the study says: its code is an input of the rule only then.
    from synthaug.models.phenotype_sampler import PhenotypeSampler

_PHENOTYPES = 3  # first entry of a random stream's key; `synthaug.synthesis.draws` has 1 and 2
#: Times that an impossible request is drawn again.
_REDRAWS = 100
#: What a sampler may know of a request beyond what the subject whose turn it is has.
_MEASURED = ("lv_edv_ml", "lv_esv_ml", "myo_mass_g")


def sample_requests(
    subjects: pd.DataFrame,
    sampler: PhenotypeSampler,
    settings: RequestSettings,
    numbers: Sequence[int],
    seed: int,
    max_slices: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Draw requests from a model of phenotypes.

    Parameters
    ----------
    subjects : DataFrame
        What each real training subject would be requested as, from `synthaug.synthesis.requests.requests_of`.
    sampler : PhenotypeSampler
        Trained on them.
    settings : RequestSettings
        Whether diagnoses are balanced, and the ranges of EDV and ejection fraction.
    numbers : sequence of int
        Which requests of the endless sequence of the seed, from 0; a request does not depend on the others.
    seed : int
        Random seed.
    max_slices : int
        Slices of the training grid.

    Returns
    -------
    requests : DataFrame
        One row a number: the columns of `subjects` and the model's phenotypes. Diagnosis, vendor, number of slices and, if
        it is not modelled, phase of ES are those of real subjects, who take turns as in
        `synthaug.synthesis.draws.draw_requests`. Diagnosis and vendor stay open where the model does not tell diagnoses
        apart. Volumes and mass that do not follow from the model's phenotypes stay open.
    facts : dict
        Identity of the model and the real subjects it was trained on (`seen`); hearts `drawn`, and those drawn again:
        `impossible` by themselves, or `out_of_range` of the settings.

    Raises
    ------
    SynthaugError
        A request that is still impossible after 100 redraws.
    """
    rows: list[dict[str, Any]] = []
    seen = seen_categories(subjects)
    counts: Counter[str] = Counter(drawn=0, impossible=0, out_of_range=0)
    for number, index in zip(numbers, take_turns(subjects, settings, numbers, seed), strict=True):
        base: dict[str, Any] = {**subjects.loc[index].to_dict(), **dict.fromkeys(_MEASURED, np.nan)}
        if not sampler.diagnoses:
            # Nothing ties the phenotypes to the diagnosis of this subject, nor to a vendor who images one disease.
            base |= dict.fromkeys(CATEGORIES, None)
        rows.append(_possible_row(base, sampler, settings, (seed, number), seen, max_slices, counts))
    further = [name for name in sampler.phenotypes if name not in subjects.columns]
    facts = {
        "sha256": sampler.identity,
        "kind": type(sampler).__name__,
        "seen": sorted(sampler.seen),
        **counts,
    }
    return pd.DataFrame(rows, columns=[*subjects.columns, *further]), facts


def _possible_row(
    base: dict[str, Any],
    sampler: PhenotypeSampler,
    settings: RequestSettings,
    key: tuple[int, int],
    seen: dict[str, list[str]],
    max_slices: int,
    counts: Counter[str],
) -> dict[str, Any]:
    """The first draw with which the request is possible; adds to the counts."""
    import torch  # here, because it takes longer to load than most plans of requests, which have no sampler

    sequence = np.random.SeedSequence([_PHENOTYPES, *key])
    generator = torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))
    diagnosis = [base["diagnosis"]] if sampler.diagnoses else None
    problem: str | None = None
    for _ in range(1 + _REDRAWS):
        samples = sampler.sample(1, generator, diagnosis)
        counts["drawn"] += samples.drawn
        counts["impossible"] += samples.drawn - 1
        row = base | {name: float(samples.table[name].iloc[0]) for name in sampler.phenotypes}
        row |= _left_ventricle(row)
        problem = problem_of({name: row[name] for name in REQUEST_COLUMNS}, seen, max_slices)
        if problem:
            counts["impossible"] += 1
            continue
        problem = _out_of_range(row, settings)
        if problem is None:
            return row
        counts["out_of_range"] += 1
    raise SynthaugError(
        f"synthesis.requests.sampler: request {key[1] + 1} is impossible in each of {1 + _REDRAWS} draws: {problem}; train the "
        "sampler longer, or widen edv_range_ml and ef_range_percent"
    )


def _left_ventricle(row: dict[str, Any]) -> dict[str, Any]:
    """EDV and ESV of a request that has two of EDV, ESV, stroke volume and ejection fraction."""
    known = {name: np.array([row[name]], np.float64) for name in ventricle("lv") if name in row}
    edv, ef = (float(values[0]) for values in solve_ventricle("lv", known, 1).values())
    esv = row["lv_esv_ml"] if pd.notna(row["lv_esv_ml"]) else edv * (1 - ef / 100)
    return {"lv_edv_ml": edv, "lv_esv_ml": esv}


def _out_of_range(row: dict[str, Any], settings: RequestSettings) -> str | None:
    edv_ml, ef = row["lv_edv_ml"], 100 * (1 - row["lv_esv_ml"] / row["lv_edv_ml"])
    for name, value, (low, high) in (
        ("edv_range_ml", edv_ml, settings.edv_range_ml),
        ("ef_range_percent", ef, settings.ef_range_percent),
    ):
        if value < low or value > high:
            return f"{value:g} is outside of {name} {low:g} to {high:g}"
    return None
