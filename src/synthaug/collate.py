"""Result rows of all jobs, collected under a version that never changes again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.artifacts import atomic_folder, read_tsv, sha256_file, write_json, write_text
from synthaug.errors import SynthaugError
from synthaug.tables import COLUMNS, STATUSES, TEXT_COLUMNS, VALUED_STATUSES

CHECKSUMS = "SHA256SUMS"
#: Columns that count something; whole numbers, or empty.
INTEGER_COLUMNS = ("n", "patients_needed", "fold", "training_seed", "generator_seed")
#: What a row is about, as opposed to what was found; no two rows may be about the same.
KEY_COLUMNS = (
    *(column for column in TEXT_COLUMNS if column not in ("unit", "direction", "status", "note")),
    *("dose", "fold", "training_seed", "generator_seed"),
)


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read one file of result rows and check it against the schema.

    Parameters
    ----------
    path : path
        A TSV file with columns among `synthaug.tables.COLUMNS`.

    Returns
    -------
    DataFrame
        All columns of the schema, in its order and types.

    Raises
    ------
    SynthaugError
        A column, a status, or a value that disagrees with its status.
    """
    table = read_tsv(path, TEXT_COLUMNS)
    unknown = [column for column in table.columns if column not in COLUMNS]
    if unknown:
        raise SynthaugError(
            f"{path}: unknown column {unknown[0]!r}; result rows have the columns of synthaug.tables"
        )
    table = typed(table.reindex(columns=list(COLUMNS)), path)
    bad = table[~table["status"].isin(STATUSES)]
    if len(bad):
        raise SynthaugError(
            f"{path}: status {bad['status'].iloc[0]!r} is unknown; known are {', '.join(STATUSES)}"
        )
    disagreeing = table[table["status"].isin(VALUED_STATUSES) == table["value"].isna()]
    if len(disagreeing):
        metric = disagreeing["metric"].iloc[0]
        raise SynthaugError(
            f"{path}: a row of {metric} has a value that disagrees with its status; write it again"
        )
    return table


def collate(row_files: Iterable[str | Path], output: str | Path, provenance: Mapping[str, Any]) -> None:
    """Collect result rows into a table version: append-only, with checksums.

    Parameters
    ----------
    row_files : iterable of paths
        TSV files of result rows, in the order in which the rows shall stand.
    output : path
        Folder of the version, ``tables/<version>``; receives ``rows.parquet``,
        ``rows.tsv``, ``provenance.json`` and ``SHA256SUMS``.
    provenance : mapping
        Where the rows come from (JSON-able); kept as it is.

    Raises
    ------
    SynthaugError
        Two rows are about the same thing, or the version exists with other rows. A
        version that exists with the same rows is left as it is.
    """
    output = Path(output)
    tables = [read_rows(path) for path in row_files]
    # Empty files would turn typed columns into objects on concatenation.
    filled = [table for table in tables if len(table)]
    rows = (
        pd.concat(filled, ignore_index=True) if filled else typed(pd.DataFrame(columns=list(COLUMNS)), output)
    )
    _refuse_doubles(rows)
    text = rows.to_csv(sep="\t", index=False, lineterminator="\n")
    if (output / CHECKSUMS).is_file():
        if read_checksums(output)["rows.tsv"] != hashlib.sha256(text.encode()).hexdigest():
            raise SynthaugError(
                f"{output}: exists with other rows and tables never change; collate under a new version"
            )
        return
    with atomic_folder(output) as temporary:
        write_text(temporary / "rows.tsv", text)
        rows.to_parquet(temporary / "rows.parquet", index=False)
        write_json(temporary / "provenance.json", dict(provenance))
        sums = "".join(f"{sha256_file(path)}  {path.name}\n" for path in sorted(temporary.iterdir()))
        write_text(temporary / CHECKSUMS, sums)


def read_checksums(folder: str | Path) -> dict[str, str]:
    """SHA-256 of each file of a table version, by file name, as recorded."""
    lines = (Path(folder) / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def read_version(folder: str | Path) -> pd.DataFrame:
    """Rows of a table version, after its checksum was verified.

    Parameters
    ----------
    folder : path
        Folder of the version, ``tables/<version>``.

    Raises
    ------
    SynthaugError
        The folder is no table version, or ``rows.parquet`` is not what was collated.
    """
    folder = Path(folder)
    path = folder / "rows.parquet"
    for needed in (folder / CHECKSUMS, path):
        if not needed.is_file():
            raise SynthaugError(f"{needed}: no such file; give the folder of a collated table version")
    if read_checksums(folder).get(path.name) != sha256_file(path):
        raise SynthaugError(f"{path}: the checksum differs from {CHECKSUMS}; collate the rows again")
    return pd.read_parquet(path)


def typed(table: pd.DataFrame, where: str | Path) -> pd.DataFrame:
    """Columns of the schema in the same types, whatever a file happened to leave empty.

    Raises
    ------
    SynthaugError
        A column of `where` cannot be of its type.
    """
    types: dict[str, Any] = dict.fromkeys(table.columns, "float64")
    types |= dict.fromkeys(INTEGER_COLUMNS, "Int64") | dict.fromkeys(TEXT_COLUMNS, "string")
    for column, kind in types.items():
        try:
            table[column] = table[column].astype(kind)
        except (TypeError, ValueError) as error:
            raise SynthaugError(f"{where}: column {column} is not {kind} ({error}); write it again") from None
    return table


def _refuse_doubles(rows: pd.DataFrame) -> None:
    doubled = rows[rows.duplicated(list(KEY_COLUMNS))]
    if len(doubled):
        about = doubled.iloc[0][list(KEY_COLUMNS)].dropna()
        text = ", ".join(f"{key} {value}" for key, value in about.items())
        raise SynthaugError(f"rows: two are about the same ({text}); collate each result once")
