"""Result rows of all jobs, collected under a version that never changes again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import atomic_folder, check_text_file, sha256_file, write_json, write_text
from synthaug.core.errors import DamagedFileError, SynthaugError
from synthaug.core.folder_checksums import CHECKSUMS
from synthaug.core.spreadsheets import table_text
from synthaug.tables.rows import COLUMNS, about, key_text
from synthaug.tables.run_crate import write_crate
from synthaug.tables.schema import check_rows, read_rows, typed

#: The table as CSV; identifies a version.
ROWS = "rows.csv"
#: From all rows to further text files of the version, by name.
Companions = Callable[[pd.DataFrame], Mapping[str, str]]


def collate(
    row_files: Iterable[str | Path],
    output: str | Path,
    provenance: Mapping[str, Any],
    companions: Companions | None = None,
) -> None:
    """Collect result rows into a table version: append-only, with checksums.

    Parameters
    ----------
    row_files : iterable of paths
        TSV files of result rows, in the order in which the rows shall stand.
    output : path
        Folder of the version, ``tables/<version>``; receives ``rows.csv``, ``rows.parquet``,
        the companions, ``provenance.json``, ``ro-crate-metadata.json`` and ``SHA256SUMS``.
    provenance : mapping
        Where the rows come from (JSON-able); kept as it is.
    companions : callable, optional
        Gives the text files that stand beside the rows: configuration, manifests, summary.

    Raises
    ------
    SynthaugError
        Rows that contradict the schema, two that are about the same thing, or a version that
        exists with other rows. A version that exists with the same rows is left as it is.
    """
    output = Path(output)
    rows = gather_rows(row_files, output)
    text = table_text(rows)
    if (output / CHECKSUMS).is_file():
        if read_checksums(output).get(ROWS) != hashlib.sha256(text.encode()).hexdigest():
            raise SynthaugError(
                f"{output}: exists with other rows and tables never change; collate under a new version"
            )
        return
    with atomic_folder(output) as temporary:
        write_text(temporary / ROWS, text)
        rows.to_parquet(temporary / "rows.parquet", index=False)
        for name, content in (companions(rows) if companions else {}).items():
            write_text(temporary / name, content)
        write_json(temporary / "provenance.json", dict(provenance))
        write_crate(temporary, provenance)
        sums = "".join(f"{sha256_file(path)}  {path.name}\n" for path in sorted(temporary.iterdir()))
        write_text(temporary / CHECKSUMS, sums)


def gather_rows(row_files: Iterable[str | Path], where: str | Path) -> pd.DataFrame:
    """All rows of several files, in their order, held to the schema as a whole.

    Parameters
    ----------
    row_files : iterable of paths
        TSV files of result rows.
    where : path
        What an error about rows of several files names.
    """
    tables = {Path(path): read_rows(path) for path in row_files}
    # Empty files would turn typed columns into objects on concatenation.
    filled = {path: table for path, table in tables.items() if len(table)}
    if not filled:
        return typed(pd.DataFrame(columns=list(COLUMNS)), where)
    rows = pd.concat(filled.values(), ignore_index=True)
    sources = [path for path, table in filled.items() for _ in range(len(table))]
    _refuse_doubles(rows, sources)
    return check_rows(rows, where)


def read_checksums(folder: str | Path) -> dict[str, str]:
    """SHA-256 of each file of a table version, by file name, as recorded.

    Raises
    ------
    DamagedFileError
        The list is cut short.
    """
    path = Path(folder) / CHECKSUMS
    check_text_file(path)
    lines = [line.split("  ", 1) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    recorded = {line[-1]: line[0] for line in lines}
    if ROWS not in recorded or any(len(line) < 2 for line in lines):
        raise DamagedFileError(path, f"it does not list {ROWS}")
    return recorded


def verify(version: str | Path) -> dict[str, str]:
    """Check every file of a version against its recorded checksum and return the checksums.

    Raises
    ------
    SynthaugError
        The folder is no version, or a file is missing or was edited; the message names it.
    """
    version = Path(version)
    if not (version / CHECKSUMS).is_file():
        raise SynthaugError(
            f"{version / CHECKSUMS}: no such file; give the folder of a collated table version"
        )
    checksums = read_checksums(version)
    for name, digest in checksums.items():
        path = version / name
        if not path.is_file() or sha256_file(path) != digest:
            raise SynthaugError(
                f"{path}: is not what was collated (checksum differs from {CHECKSUMS}); "
                f"result tables are never edited: restore the file, or remove {version} to collate it anew"
            )
    return checksums


def read_version(folder: str | Path) -> pd.DataFrame:
    """Rows of a table version, after all its checksums were verified.

    Parameters
    ----------
    folder : path
        Folder of the version, ``tables/<version>``.

    Raises
    ------
    SynthaugError
        The folder is no table version, or is not what was collated.
    """
    return pd.read_parquet(verified_rows(folder))


def verified_rows(folder: str | Path) -> Path:
    """``rows.parquet`` of a table version, after all its checksums were verified.

    Raises
    ------
    SynthaugError
        The folder is no table version, or is not what was collated.
    """
    if "rows.parquet" not in verify(folder):
        raise SynthaugError(f"{folder}: has no rows.parquet; give the folder of a collated table version")
    return Path(folder) / "rows.parquet"


def _refuse_doubles(rows: pd.DataFrame, sources: list[Path]) -> None:
    keys = key_text(rows)
    doubled = keys.duplicated().to_numpy()
    if not doubled.any():
        return
    second = int(doubled.argmax())
    first = int((keys == keys.iloc[second]).all(axis=1).to_numpy().argmax())
    row = {str(name): value for name, value in rows.iloc[second].items()}
    raise SynthaugError(
        f"{sources[second]}: a row is about the same as one of {sources[first]} ({about(row)}); "
        "collate each result once"
    )
