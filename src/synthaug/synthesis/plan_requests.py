"""Which synthetic hearts are requested."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthaug.config.conditions import CATEGORIES
from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import RequestSettings
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.synthesis.class_in_words import with_class_in_words
from synthaug.synthesis.draws import draw_requests
from synthaug.synthesis.requests import (
    read_cohort,
    read_table,
    refuse_impossible,
    refuse_other_view,
    request_cohort,
    requests_of,
    requests_with_masks,
)
from synthaug.synthesis.sampled_requests import sample_requests
from synthaug.views import SHORT_AXIS, View

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    # Which class it is, the study says: its code is an input of the rule only then.
    from synthaug.models.phenotype_sampler import PhenotypeSampler


def plan_requests(
    training: pd.DataFrame,
    settings: RequestSettings,
    generator: str,
    numbers: range,
    seed: int,
    grid: HarmonisationSettings,
    sampler: PhenotypeSampler | None = None,
    masked: Cohort | None = None,
    view: View = SHORT_AXIS,
    withheld: Collection[str] = (),
    phenotypes: Collection[str] = (),
) -> Cohort:
    """Request synthetic subjects.

    A request depends on the training subjects, the settings, the sampler, the seed and its number, not on the others
    or the generator: requests planned in parts are those planned at once, and two generators with one seed
    get the same requests.

    Parameters
    ----------
    training : DataFrame
        Rows of the cohort table of the fold's training subjects, labelled or not.
    settings : RequestSettings
        Source of the requests.
    generator : str
        Name of the generator; ids are ``{generator}-s{seed}-{number:04d}``.
    numbers : range
        Which requests of the endless sequence of the seed, from 0.
    seed : int
        Generator seed.
    grid : HarmonisationSettings
        The training grid.
    sampler : PhenotypeSampler, optional
        Model that draws the phenotypes, trained on the same subjects; without it, volumes and mass are drawn around
        real subjects.
    masked : Cohort, optional
        The training subjects with their masks, for source `training`.
    view : {"short_axis", "long_axis", "other"}
        What the training cines show.
    withheld : collection of str
        Subjects that the fold does not train on: masks that were edited from theirs are left out.
    phenotypes : collection of str
        Columns of `masked` that are requested too, for source `training`: what the models read of training subjects.

    Returns
    -------
    Cohort
        Of kind ``"request"``: columns subject, diagnosis, vendor, lv_edv_ml, lv_esv_ml, myo_mass_g (at ED), n_slices, es_phase (ES as
        a fraction of the cycle after ED), seed (of the sample), and further columns and masks of a table or cohort, or
        the sampler's phenotypes. ``meta["sampler"]`` counts the hearts drawn and those drawn again, and names the real
        subjects that it saw, or that the generator of a requested synthetic cohort saw. ``meta["class_from_sentence"]`` where a
        sentence alone shall say the diagnosis (`synthaug.synthesis.class_in_words`).
        Empty is left open to the generator; n_slices and seed never are.

    Raises
    ------
    SynthaugError
        No training subject, none with labels for source `training`, edited masks of withheld subjects only, or an
        impossible request; the message names it.
    """
    if training.empty:
        raise SynthaugError(f"{generator}: no training subject to plan from; see the split of this fold")
    subjects = requests_of(training)
    facts: dict[str, Any] | None = None
    if sampler is not None:
        requests, facts = sample_requests(subjects, sampler, settings, numbers, seed, grid.matrix[0])
    else:
        requests = draw_requests(subjects, settings, numbers, seed)
    folders: list[Path] = []
    where = settings.table or settings.cohort
    if settings.source == "training":
        where = "synthesis.requests"
    if where is not None:
        if settings.source == "training":
            own, folders = requests_with_masks(_labelled(masked, generator), grid, phenotypes)
        elif settings.table is not None:
            own = read_table(Path(where), settings.phenotypes)
        else:
            own, folders = read_cohort(Path(where), grid, view)
            facts = _whom_they_follow(Path(where))
            _say_unknown_origins(own, {*withheld, *training["subject"]}, where)
            own, folders = _without_withheld(own, folders, withheld, where)
        refuse_impossible(own, subjects, grid.matrix[0], where)
        refuse_other_view(own, view, where)
        turns = np.array(numbers) % len(own)
        own = own.iloc[turns].reset_index(drop=True)
        folders = [folders[turn] for turn in turns] if folders else []
        # A generator must know how many slices to draw, so an open count follows the real ones.
        requests = own.assign(n_slices=own["n_slices"].fillna(requests["n_slices"]))
    refuse_impossible(requests, subjects, grid.matrix[0], "synthesis.requests")
    names = [f"{generator}-s{seed}-{number:04d}" for number in numbers]
    table = complete_requests(requests, names, seed, first=numbers.start)
    masks = dict(zip(names, folders, strict=bool(folders)))
    planned = request_cohort(table, generator, masks, grid.spacing_mm, facts, settings.images, view)
    return with_class_in_words(planned) if settings.class_from_sentence else planned


def _whom_they_follow(folder: Path) -> dict[str, Any] | None:
    """Whom the generator of requested masks saw, or the model that the requests were drawn from; None where nobody is named."""
    meta = read_json(folder / "cohort.json")
    seen = {*meta.get("seen", ()), *meta.get("sampler", {}).get("seen", ())}
    return {"seen": sorted(seen)} if seen else None


def _say_unknown_origins(own: pd.DataFrame, known: Collection[str], where: str) -> None:
    """Warn of edited masks of which nobody knows whether a tested patient is behind them."""
    origins = own["edited_from"].dropna() if "edited_from" in own else pd.Series(dtype="string")
    unknown = origins[~origins.isin(list(known))]
    if len(unknown):
        log.warning(
            "%s: masks of %d requests were edited from subjects that are not of this study, the first from %s; be sure that none is a "
            "tested patient, or was made by a generator that saw one",
            where,
            len(unknown),
            unknown.iloc[0],
        )


def _without_withheld(
    own: pd.DataFrame, folders: list[Path], withheld: Collection[str], where: str
) -> tuple[pd.DataFrame, list[Path]]:
    """The requests whose masks are not, and were not edited from, those of a withheld subject: an arm would train on its anatomy."""
    behind = [own[column] for column in ("masks_of", "edited_from") if column in own]
    is_withheld = [origin.isin(list(withheld)).to_numpy() for origin in behind]
    kept = np.flatnonzero(~np.logical_or.reduce([np.zeros(len(own), dtype=bool), *is_withheld]))
    if not len(kept):
        raise SynthaugError(
            f"{where}: all masks are of subjects that this fold does not train on; give those of training subjects"
        )
    if len(kept) < len(own):
        log.warning(
            "%s: %d of %d requests are left out: their masks are of subjects that this fold does not train on",
            where,
            len(own) - len(kept),
            len(own),
        )
    return own.iloc[kept].reset_index(drop=True), [folders[place] for place in kept]


def _labelled(cohort: Cohort | None, generator: str) -> Cohort:
    """The training subjects that have labels."""
    subjects = [] if cohort is None else [name for name in cohort.subjects if cohort.labelled_frames(name)]
    if cohort is None or not subjects:
        raise SynthaugError(
            f"{generator}: no training subject has labels for `synthesis.requests.source: training`; use source real"
        )
    return cohort.select(subjects)


def complete_requests(
    requests: pd.DataFrame, names: Sequence[str], seed: int, stream: int = 0, first: int = 0
) -> pd.DataFrame:
    """Requests, each with its id in front and the seed of its sample behind.

    Parameters
    ----------
    requests : DataFrame
        `REQUEST_COLUMNS` and any further ones.
    names : sequence of str
        An id for each request.
    seed : int
        Generator seed.
    stream : int
        Keeps apart the samples of requests that are no continuation of one another.
    first : int
        Number of the first request.
    """
    table = requests.assign(
        seed=[_sample_seed(seed, first + number, stream) for number in range(len(requests))]
    )
    table.insert(0, "subject", list(names))
    texts = [name for name in ("subject", *CATEGORIES) if name in table.columns]
    return table.astype(dict.fromkeys(texts, "string") | {"n_slices": int})


def _sample_seed(*key: int) -> int:
    # 31 bits: torch, numpy and TSV readers all take it, and later attempts can add to it.
    return int(np.random.SeedSequence(key).generate_state(1)[0] >> 1)
