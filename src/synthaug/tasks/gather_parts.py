"""Predictions and pseudo labels of the parts of a large cohort, as those of one job over the whole cohort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import (
    atomic_file,
    atomic_folder,
    check_text_file,
    link_or_copy,
    read_json,
    write_json,
)
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort
from synthaug.labels import FUNCTION_COLUMNS
from synthaug.synthesis.gather import RECORDS

#: What a prediction says of itself, and in it the entries of its subjects.
_RECORD, _CASES = "predictions.json", "cases"
#: Columns of a cohort's table that follow from its labels.
_LABELLED = ("ed_frame", "es_frame", "labelled_frames", *FUNCTION_COLUMNS)


def gather_predictions(parts: Sequence[Path], output: Path) -> None:
    """Make one folder of predictions of those of all parts; files are hard-linked where the file system allows.

    Parameters
    ----------
    parts : sequence of Path
        Folders that `Task.predict` wrote for disjoint parts of a cohort, in the order of its subjects.
    output : Path
        Folder to write: ``predictions.json`` with the ``cases`` of all parts, each table with the rows of all, and their
        other files.

    Raises
    ------
    SynthaugError
        Parts differ in something else than their subjects.
    """
    records = [read_json(part / _RECORD) for part in parts]
    _check_alike(parts, [{**record, _CASES: None} for record in records], _RECORD)
    cases = [case for record in records for case in record.get(_CASES, ())]
    tables: dict[str, list[str]] = {}
    with atomic_folder(output) as folder:
        for part in parts:
            for file in _files_of(part):
                if file.suffix == ".tsv":
                    check_text_file(file)
                    header, *rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
                    lines = tables.setdefault(file.name, [header])
                    _check_alike((parts[0], part), (lines[0], header), file.name)
                    lines += rows
                elif file.name != _RECORD:
                    link_or_copy(file, folder / file.name)
        for name, lines in tables.items():
            with atomic_file(folder / name, checksum=True) as temporary:
                temporary.write_text("".join(lines), encoding="utf-8")
        write_json(
            folder / _RECORD,
            {**records[0], _CASES: cases} if _CASES in records[0] else records[0],
            checksum=True,
        )


def gather_labelled(parts: Sequence[Path], made: Path, output: Path) -> None:
    """Make one labelled cohort of all parts; files are hard-linked where the file system allows.

    Parameters
    ----------
    parts : sequence of Path
        Cohort folders that `CohortSegmenter.label` wrote for disjoint parts of a cohort.
    made : Path
        Folder of the whole cohort with the masks that it was made with: what else the table says of the subjects, and the
        records of the quality gate.
    output : Path
        Cohort folder to write.

    Raises
    ------
    SynthaugError
        The parts are not of this cohort, or not of one segmenter.
    """
    cohort, cohorts = Cohort.open(made), [Cohort.open(part) for part in parts]
    _check_alike(parts, [part.identity for part in cohorts], "cohort.json")
    measured = pd.concat([part.table[list(_LABELLED)] for part in cohorts if part.subjects] or [cohort.table])
    if list(measured.index) != cohort.subjects:
        raise SynthaugError(f"{made}: its subjects are not those that were labelled; label all parts again")
    rows = [
        {str(column): value for row in (cohort.table, measured) for column, value in row.loc[subject].items()}
        for subject in cohort.subjects
    ]
    with atomic_folder(output) as folder:
        for part in cohorts:
            for subject, labelled in part.folders.items():
                own = folder / f"sub-{subject}"
                own.mkdir()
                for file in _files_of(labelled):
                    link_or_copy(file, own / file.name)
        for name in RECORDS:
            if (made / name).is_file():
                link_or_copy(made / name, folder / name)
        identity = cohort.identity | cohorts[0].identity
        write_cohort(folder, cohort.name, cohort.kind, rows, cohort.spacing_mm, **identity)


def _files_of(folder: Path) -> Iterable[Path]:
    """Files that the job wrote; Snakemake's own begin with a dot."""
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))


def _check_alike(parts: Sequence[Path], said: Sequence[Any], file: str) -> None:
    for part, other in zip(parts, said, strict=True):
        if other != said[0]:
            raise SynthaugError(
                f"{part / file}: says something else than {parts[0] / file}; remove both and make them again"
            )
