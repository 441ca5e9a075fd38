"""What stands behind a table version, file by file, with hashes: data, code, trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from synthaug.core.artifacts import read_json, read_tsv, sha256_file
from synthaug.core.imports import PACKAGE
from synthaug.core.plugins import code_hashes
from synthaug.data.cohort import TEXT_COLUMNS

DATA_COLUMNS = ("kind", "name", "subject", "file", "sha256")
CODE_COLUMNS = ("file", "sha256")
#: Facts of a training record that the manifest keeps; the record itself lies with the weights.
_FACTS = ("kind", "device", "iterations", "seconds", "torch", "weights_sha256")
TRAINING_COLUMNS = ("role", "name", "fold", "draw", "seed", *_FACTS)


class Training(NamedTuple):
    """One training behind the rows.

    Attributes
    ----------
    role : str
        ``"model"`` of a generator or an extractor, or ``"segmenter"`` of an arm.
    name : str
        Name of the model or arm.
    fold, seed : int
        Fold and training seed.
    draw : int or None
        Generator seed, for a segmenter.
    record : Path
        Its ``training.json``.
    """

    role: str
    name: str
    fold: int
    draw: int | None
    seed: int
    record: Path


def data_manifest(
    real: Mapping[str, Path], splits: Mapping[str, Path], synthetic: Mapping[str, Path]
) -> pd.DataFrame:
    """Files of all cohorts and splits with their SHA-256.

    Parameters
    ----------
    real : mapping of str to Path
        Dataset -> folder of its harmonised cohort.
    splits : mapping of str to Path
        Name of the split -> its table.
    synthetic : mapping of str to Path
        Name of the run -> folder of its synthetic cohort.

    Returns
    -------
    DataFrame
        Columns `DATA_COLUMNS`; `kind` is real, split or synthetic. Hashes that a cohort recorded when
        it was written are taken as they stand, all others computed.
    """
    rows: list[tuple[str, ...]] = []
    for kind, cohorts in (("real", real), ("synthetic", synthetic)):
        for name, folder in cohorts.items():
            rows += [(kind, name, *file) for file in _cohort_files(folder)]
    rows += [("split", name, "", path.name, sha256_file(path)) for name, path in splits.items()]
    return pd.DataFrame(rows, columns=list(DATA_COLUMNS))


def _cohort_files(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Subject (empty for the table), file and SHA-256."""
    yield "", "subjects.tsv", sha256_file(folder / "subjects.tsv")
    recorded = read_json(folder / "cohort.json").get("files") or {}
    for subject in read_tsv(folder / "subjects.tsv", TEXT_COLUMNS)["subject"]:
        hashes = recorded.get(subject) or {}
        for kind in ("cine", "labels"):
            path = folder / f"sub-{subject}" / f"{kind}.nii.gz"
            if kind in hashes or path.is_file():
                yield subject, path.name, hashes.get(kind) or sha256_file(path)


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
        # Compiled and hidden files are made from the others, or are nobody's code.
        files |= {
            name.as_posix(): path
            for name, path in named.items()
            if not any(part.startswith((".", "__pycache__")) for part in name.parts)
        }
    rows = [(name, sha256_file(path)) for name, path in sorted(files.items())]
    rows += code_hashes(plugins).items()
    return pd.DataFrame(rows, columns=list(CODE_COLUMNS))


def trainings_manifest(trainings: Sequence[Training]) -> pd.DataFrame:
    """What each training ran on, how long, and the hash of its weights.

    Returns
    -------
    DataFrame
        Columns `TRAINING_COLUMNS`; time in seconds; empty where a record does not say.
    """
    rows: list[dict[str, Any]] = []
    for training in trainings:
        record = read_json(training.record)
        facts = {key: record.get(key) for key in _FACTS}
        if isinstance(facts["seconds"], dict):  # the segmenter's record has them by phase
            facts["seconds"] = facts["seconds"].get("total")
        rows.append({**training._asdict(), **facts})
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS)).astype({"draw": "Int64"})


def as_tsv(table: pd.DataFrame) -> str:
    """A manifest as the text of a TSV file."""
    text: str = table.to_csv(sep="\t", index=False, lineterminator="\n")
    return text
