"""Which phenotypes the training data of a study must have, and who brings them."""

from __future__ import annotations

from collections.abc import Iterable

from synthaug.config.conditions import HARMONISED
from synthaug.config.study import StudySettings
from synthaug.config.text import WALL_PHENOTYPES, reads_text
from synthaug.phenotypes.registry import PHENOTYPES


def own_phenotypes(study: StudySettings) -> dict[str, list[str]]:
    """Names of the phenotypes that the user's own table brings, of each dataset that has one."""
    return {
        name: sorted(dataset.phenotypes.columns.values())
        for name, dataset in study.datasets.items()
        if dataset.split and dataset.phenotypes
    }


def needed_phenotypes(study: StudySettings, models: Iterable[str]) -> list[str]:
    """Columns of the tables of phenotypes that these models are conditioned on or sample, or that their sentences tell of.

    Parameters
    ----------
    study : StudySettings
        The study.
    models : iterable of str
        Models that are trained.

    Returns
    -------
    list of str
        Sorted. What the cohort's table has anyway is among them only where a user's own table brings it.
    """
    used: set[str] = set()
    models = list(models)
    if study.text.wall and reads_text(models, study.models):
        used |= set(WALL_PHENOTYPES)
    for name in models:
        settings = study.models[name]
        used |= {*getattr(settings, "conditions", ()), *getattr(settings, "phenotypes", ())}
    brought = {name for names in own_phenotypes(study).values() for name in names}
    return sorted(used & (brought | set(PHENOTYPES) - HARMONISED))
