"""Several contrasts of one heart: the same request, masks and seed, with another vendor or sequence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthaug.config.data import HarmonisationSettings
from synthaug.config.evaluation import ContrastSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.synthesis.class_in_words import CLASS_FROM_SENTENCE, with_class_in_words
from synthaug.synthesis.requests import refuse_impossible, request_cohort, requests_of
from synthaug.synthesis.word_requests import WORDING

#: Columns of such a request: which heart it is of, and in which contrast.
HEART, CONTRAST = "heart", "contrast"
#: Value of `CONTRAST` of the first contrast with another seed.
RESEEDED = "another seed"
_SEEDS = 2**31


def plan_contrasts(
    requests: Cohort, training: pd.DataFrame, settings: ContrastSettings, grid: HarmonisationSettings
) -> Cohort:
    """Request the first hearts of a generator in every contrast, and in the first one with another seed.

    Of the requests for masks of one patient, such as of several visits, the first is taken: each heart is compared with
    another one.

    Parameters
    ----------
    requests : Cohort
        Of the generator, with their masks.
    training : DataFrame
        Rows of the cohort table of the fold's training subjects.
    settings : ContrastSettings
        Column, values, and how many hearts.
    grid : HarmonisationSettings
        The training grid.

    Returns
    -------
    Cohort
        Of kind ``"request"``: for each heart one row a contrast with the request's seed, then one of the first contrast
        whose seed differs; columns `HEART` and `CONTRAST` say which is which. A sentence of the request's own table is left
        out: sentences of the contrasts are written anew.

    Raises
    ------
    SynthaugError
        A contrast that no training subject has, or fewer than two hearts.
    """
    hearts = _of_different_patients(requests.table, training).head(settings.subjects).reset_index(drop=True)
    if len(hearts) < 2:
        raise SynthaugError("evaluation.contrasts: fewer than two requests; raise synthesis.subjects")
    hearts[HEART] = hearts["subject"]
    # Each contrast is said in the same words but its own, also by the request with another seed.
    hearts[WORDING] = hearts["seed"]
    hearts = hearts.drop(columns="sentence", errors="ignore")
    made = [hearts.copy() for _ in (*settings.values, RESEEDED)]
    for part, contrast in zip(made, (*settings.values, RESEEDED), strict=True):
        part[CONTRAST] = contrast
        part[settings.column] = settings.values[0] if contrast == RESEEDED else contrast
    made[-1]["seed"] = (hearts["seed"].to_numpy(np.int64) + _SEEDS // 2) % _SEEDS
    order = [part.assign(_place=place) for place, part in enumerate(made)]
    table = pd.concat(order).sort_index(kind="stable").reset_index(drop=True)
    table["subject"] = [f"{row[HEART]}-contrast-{row['_place']}" for row in table.to_dict("records")]
    table = table.drop(columns="_place").astype({settings.column: "string"})
    refuse_impossible(table, requests_of(training), grid.matrix[0], "evaluation.contrasts")
    folders = {
        row["subject"]: requests.folders[row[HEART]]
        for row in table.to_dict("records")
        if row[HEART] in requests.folders
    }
    guides = bool(requests.meta.get("guides"))
    planned = request_cohort(
        table, requests.name, folders, grid.spacing_mm, guides=guides, view=requests.view
    )
    return with_class_in_words(planned) if requests.meta.get(CLASS_FROM_SENTENCE) else planned


def _of_different_patients(requests: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """The first request for the masks of each patient, and all that are for nobody's masks."""
    origins = pd.Series(pd.NA, index=requests.index, dtype="string")
    for column in ("masks_of", "edited_from"):
        if column in requests:
            origins = origins.fillna(requests[column].astype("string"))
    if "patient" in training:
        origins = origins.replace(dict(zip(training["subject"], training["patient"], strict=True)))
    return requests[origins.isna() | ~origins.duplicated()]
