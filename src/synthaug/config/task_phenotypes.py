"""Phenotypes that tasks name are those of docs/phenotypes.md or of a user's own table."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from synthaug.phenotypes.registry import PHENOTYPES

if TYPE_CHECKING:
    from synthaug.config.study import StudySettings


def check_task_phenotypes(study: StudySettings) -> None:
    """Refuse a task whose targets or features no dataset can have, before anything is measured.

    Parameters
    ----------
    study : StudySettings
        The study.

    Raises
    ------
    ValueError
        The first name that is in no table, and the nearest one that is.
    """
    tables = [dataset.phenotypes for dataset in study.datasets.values() if dataset.phenotypes]
    known = [*PHENOTYPES, *(name for table in tables for name in table.columns.values())]
    for task, settings in study.tasks.items():
        if settings.kind not in ("classification", "regression"):
            continue
        for key in ("targets", "features"):
            for name in getattr(settings, key, ()):
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
                    hint = f"did you mean {near[0]!r}?" if near else "see docs/phenotypes.md"
                    raise ValueError(
                        f"tasks.{task}.{key}: {name!r} is no phenotype of docs/phenotypes.md, nor of a dataset's own "
                        f"table; {hint}"
                    )
