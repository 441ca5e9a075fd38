"""Versions of a study's result table: numbered, append-only, found again by their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthaug.artifacts import read_json, sha256_file, write_json
from synthaug.collate import CHECKSUMS, collate, read_checksums
from synthaug.errors import SynthaugError


def publish(row_files: Sequence[str | Path], tables: str | Path, provenance: Mapping[str, Any]) -> str:
    """Collate rows into a new version, or find the version that has the same rows.

    Parameters
    ----------
    row_files : sequence of paths
        TSV files of result rows.
    tables : path
        Folder of the versions ``v001``, ``v002``, ...
    provenance : mapping
        Where the rows come from; kept with a new version.

    Returns
    -------
    str
        Name of the version.

    Raises
    ------
    SynthaugError
        A version that exists was edited, or the rows contradict the schema.
    """
    tables = Path(tables)
    tables.mkdir(parents=True, exist_ok=True)
    existing = sorted(path for path in tables.glob("v[0-9][0-9][0-9]*") if (path / CHECKSUMS).is_file())
    known = {verify(version)["rows.tsv"]: version.name for version in existing}
    with TemporaryDirectory(dir=tables, prefix=".partial-") as temporary:
        candidate = Path(temporary) / "version"
        collate(row_files, candidate, provenance)
        same = known.get(read_checksums(candidate)["rows.tsv"])
        if same:
            return same
        name = f"v{1 + max((int(version.name[1:]) for version in existing), default=0):03d}"
        candidate.rename(tables / name)
        return name


def verify(version: str | Path) -> dict[str, str]:
    """Check every file of a version against its recorded checksum and return the checksums.

    Raises
    ------
    SynthaugError
        A file is missing or was edited; the message names it.
    """
    version = Path(version)
    checksums = read_checksums(version)
    for name, digest in checksums.items():
        path = version / name
        if not path.is_file() or sha256_file(path) != digest:
            raise SynthaugError(
                f"{path}: is not what was collated (checksum differs from {CHECKSUMS}); "
                f"result tables are never edited: restore the file, or remove {version} to collate it anew"
            )
    return checksums


def write_current(path: str | Path, version: str) -> None:
    """Record which version the study's results now are."""
    write_json(path, {"version": version})


def current_version(path: str | Path) -> Path:
    """Folder of the version that ``current.json`` names, after its checksums were verified."""
    folder = Path(path).parent / read_json(path)["version"]
    verify(folder)
    return folder
