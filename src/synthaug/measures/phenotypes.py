"""Phenotypes of every subject of a cohort as one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.data import PhenotypeTableSettings
from synthaug.core.artifacts import atomic_file, check_text_file
from synthaug.core.errors import SynthaugError
from synthaug.core.forked_pool import forked_pool
from synthaug.data.cohort import Cohort
from synthaug.phenotypes.measure import explain_missing, measure_phenotypes
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.phenotypes.user_table import read_phenotypes

_SUBJECTS_AT_ONCE = 8  # that a process is handed
#: The cohort that a process measures subjects of; empty in the one that started it.
_inherited: list[Cohort] = []


def tabulate_phenotypes(
    cohort: Cohort, own: PhenotypeTableSettings | None = None, processes: int = 1
) -> pd.DataFrame:
    """Measure every phenotype of the registry of every subject.

    Parameters
    ----------
    cohort : Cohort
        Real or synthetic subjects. One without labels has its heart rate and phases at most.
    own : PhenotypeTableSettings, optional
        The user's own table. A phenotype of the registry that it has replaces the measured one for all subjects:
        values of two methods are never in one column.
    processes : int
        Subjects measured at a time; the table does not depend on it.

    Returns
    -------
    DataFrame
        One row a subject: ``subject``, ``patient``, ``missing`` (why measured phenotypes are missing, separated by
        semicolons), the phenotypes of the registry, the user's further ones. NaN is unknown.

    Raises
    ------
    SynthaugError
        As `synthaug.phenotypes.user_table.read_phenotypes`.
    """
    if processes == 1 or len(cohort.subjects) < 2:
        rows = [_measure(cohort, subject) for subject in cohort.subjects]
    else:
        # A process has the cohort from the fork: sent with every subject, the table of a large cohort would take longer
        # than all measuring.
        with forked_pool(min(processes, len(cohort.subjects)), _inherited.append, (cohort,)) as pool:
            rows = list(pool.map(_measure_inherited, cohort.subjects, chunksize=_SUBJECTS_AT_ONCE))
    table = pd.DataFrame(rows, columns=["subject", "patient", "missing", *PHENOTYPES])
    if own is None:
        return table
    brought = read_phenotypes(own.table, own.id, own.columns, table, cohort.name)
    return table.assign(**{str(name): values.to_numpy() for name, values in brought.items()})


def gather_phenotypes(parts: Sequence[Path], output: Path) -> None:
    """Make the table of a large cohort of those of its parts, line by line as they are.

    Parameters
    ----------
    parts : sequence of Path
        Tables that `tabulate_phenotypes` gave of disjoint parts, in the order of the subjects.
    output : Path
        Table to write.

    Raises
    ------
    SynthaugError
        A part is damaged or has other columns.
    """
    lines: list[str] = []
    for part in parts:
        check_text_file(part)
        header, *rows = part.read_text(encoding="utf-8").splitlines(keepends=True)
        if lines and header != lines[0]:
            raise SynthaugError(
                f"{part}: has other columns than {parts[0]}; remove both and measure them again"
            )
        lines += rows if lines else [header, *rows]
    with atomic_file(output, checksum=True) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _measure_inherited(subject: str) -> dict[str, Any]:
    return _measure(_inherited[-1], subject)


def _measure(cohort: Cohort, subject: str) -> dict[str, Any]:
    record = cohort.record(subject)
    ed, es = (
        None if pd.isna(record[f"{phase}_frame"]) else int(record[f"{phase}_frame"]) for phase in ("ed", "es")
    )
    labels, native = cohort.label_cine(subject), cohort.native(subject)
    if native is not None:
        # A structure at the end of the field of view is cut, although the window goes on with padding.
        rows, columns = native.grid.imaged(labels.shape[1:])
        labels = labels[:, :, rows, columns]
    heart = (
        labels,
        cohort.spacing_mm,
        cohort.labelled_frames(subject),
        ed,
        es,
        cohort.frame_duration_s(subject),
        cohort.view,
    )
    measured = measure_phenotypes(*heart)
    patient = record.get("patient")
    return {
        "subject": subject,
        "patient": subject if patient is None or pd.isna(patient) else patient,
        "missing": "; ".join(explain_missing(measured, *heart)) or None,
        **measured,
    }
