"""What stands behind a table version, file by file, with hashes: data, code, trainings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import read_json, read_tsv, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.imports import PACKAGE
from synthaug.core.plugins import code_hashes
from synthaug.core.spreadsheets import table_text
from synthaug.data.cohort import TEXT_COLUMNS
from synthaug.runs import ListedRun

DATA_COLUMNS = ("kind", "name", "subject", "file", "sha256")
CODE_COLUMNS = ("file", "sha256")
#: Facts of a training record that the manifest keeps; the record itself lies with the weights.
_FACTS = ("kind", "device", "iterations", "seconds", "torch", "weights_sha256")
TRAINING_COLUMNS = ("role", "name", "fold", "generator_seed", "training_seed", *_FACTS)


def data_manifest(runs: Iterable[ListedRun]) -> pd.DataFrame:
    """Files of all cohorts and splits with their SHA-256.

    Parameters
    ----------
    runs : iterable of ListedRun
        The study's runs (`synthaug.runs.read_runs`); those with a cohort or a split count.

    Returns
    -------
    DataFrame
        Columns `DATA_COLUMNS`; `kind` is real, synthetic or split.

    Raises
    ------
    SynthaugError
        A file of a cohort is not what the cohort recorded when it was written.
    """
    rows: list[tuple[str, ...]] = []
    splits: list[tuple[str, ...]] = []
    for run in runs:
        if run.split:
            splits.append(("split", run.split.stem, "", run.split.name, sha256_file(run.split)))
        if run.cohort:
            kind = "real" if run.kind == "dataset" else "synthetic"
            rows += [(kind, _cohort_name(run), *file) for file in _cohort_files(run.cohort)]
    return pd.DataFrame(rows + splits, columns=list(DATA_COLUMNS))


def _cohort_name(run: ListedRun) -> str:
    if run.kind == "dataset":
        return str(run.name)
    name = f"{run.name}/fold-{run.fold}/generator-seed-{run.generator_seed}"
    return f"{name}/condition-sweep" if run.kind == "sweep" else name


def _cohort_files(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Subject (empty for the table), file and SHA-256."""
    yield "", "subjects.tsv", sha256_file(folder / "subjects.tsv")
    recorded = read_json(folder / "cohort.json").get("files") or {}
    for subject in read_tsv(folder / "subjects.tsv", TEXT_COLUMNS)["subject"]:
        hashes = recorded.get(subject) or {}
        for kind in ("cine", "labels"):
            path = folder / f"sub-{subject}" / f"{kind}.nii.gz"
            found = sha256_file(path) if path.is_file() else None
            if kind in hashes and hashes[kind] != found:
                problem = "is missing" if found is None else "is not what cohort.json records"
                raise SynthaugError(f"{path}: {problem}; restore it, or remove {folder} and run again")
            if found:
                yield subject, path.name, found


def code_manifest(repository: Path, plugins: Sequence[str] = ()) -> pd.DataFrame:
    """Files of the workflow and of this package with their SHA-256.

    Parameters
    ----------
    repository : Path
        Folder of the ``Snakefile`` and of ``workflow/``.
    plugins : sequence of str
        Modules of the models and generators from outside the package.

    Returns
    -------
    DataFrame
        Columns `CODE_COLUMNS`; files of the package are named from ``synthaug/`` on.
    """
    files = {"Snakefile": repository / "Snakefile"} if (repository / "Snakefile").is_file() else {}
    for root, folder in ((repository, repository / "workflow"), (PACKAGE.parent, PACKAGE)):
        named = {path.relative_to(root): path for path in folder.rglob("*") if path.is_file()}
        # Compiled and hidden files are not source code.
        files |= {
            name.as_posix(): path
            for name, path in named.items()
            if not any(part.startswith((".", "__pycache__")) for part in name.parts)
        }
    rows = [(name, sha256_file(path)) for name, path in sorted(files.items())]
    rows += code_hashes(plugins).items()
    return pd.DataFrame(rows, columns=list(CODE_COLUMNS))


def trainings_manifest(runs: Iterable[ListedRun]) -> pd.DataFrame:
    """What each training ran on, how long, and the hash of its weights.

    Parameters
    ----------
    runs : iterable of ListedRun
        The study's runs; those with a training record count.

    Returns
    -------
    DataFrame
        Columns `TRAINING_COLUMNS`; `role` is model, or the task that an arm was trained for. Time in
        seconds; empty where a record does not say.
    """
    rows: list[dict[str, Any]] = []
    for run in runs:
        if run.record is None:
            continue
        record = read_json(run.record)
        facts = {key: record.get(key) for key in _FACTS}
        if isinstance(facts["seconds"], dict):  # the segmenter's record has them by phase
            facts["seconds"] = facts["seconds"].get("total")
        seeds = {"generator_seed": run.generator_seed, "training_seed": run.training_seed}
        rows.append({"role": run.task or "model", "name": run.name, "fold": run.fold, **seeds, **facts})
    table = pd.DataFrame(rows, columns=list(TRAINING_COLUMNS))
    return table.astype({"generator_seed": "Int64", "training_seed": "Int64"})


def as_tsv(table: pd.DataFrame) -> str:
    """A manifest as the text of a TSV file."""
    return table_text(table, "\t")
