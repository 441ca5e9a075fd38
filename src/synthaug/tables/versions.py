"""Versions of a study's result table: numbered, append-only, found again by their content."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthaug.core.artifacts import read_json, sha256_json, write_json
from synthaug.core.errors import SynthaugError
from synthaug.core.folder_checksums import CHECKSUMS
from synthaug.core.leftovers import PARTIAL, clear_left_behind, owned_prefix
from synthaug.tables.collate import ROWS, Companions, collate, read_checksums, verify

CURRENT = "current.json"
_VERSION = re.compile(r"v\d{3,}")


def publish(
    row_files: Sequence[str | Path],
    tables: str | Path,
    provenance: Mapping[str, Any],
    companions: Companions | None = None,
) -> str:
    """Collate rows into a new version, or find the version that has the same rows.

    Parameters
    ----------
    row_files : sequence of paths
        TSV files of result rows.
    tables : path
        Folder of the versions ``v001``, ``v002``, ...
    provenance : mapping
        Where the rows come from; kept with a new version.
    companions : callable, optional
        Gives the text files beside the rows of a new version (`synthaug.tables.collate.collate`).

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
    existing = sorted(
        path for path in tables.glob("v*") if _VERSION.fullmatch(path.name) and (path / CHECKSUMS).is_file()
    )
    known = {verify(version).get(ROWS): version.name for version in existing}
    clear_left_behind(tables)
    with TemporaryDirectory(dir=tables, prefix=owned_prefix(PARTIAL, "version")) as temporary:
        candidate = Path(temporary) / "version"
        collate(row_files, candidate, provenance, companions)
        same = known.get(read_checksums(candidate)[ROWS])
        if same:
            return same
        name = f"v{1 + max((int(version.name[1:]) for version in existing), default=0):03d}"
        candidate.rename(tables / name)
        return name


def write_current(path: str | Path, version: str, configuration: Mapping[str, Any]) -> None:
    """Record which version the study's results now are, and of which configuration: equal rows keep an older version."""
    write_json(path, {"version": version, "configuration_sha256": sha256_json(configuration)})


def current_version(path: str | Path) -> Path:
    """Folder of the version that ``current.json`` names, after its checksums were verified."""
    folder = Path(path).parent / read_json(path)["version"]
    verify(folder)
    return folder


def find_version(name: str | Path, study: str | Path | None = None) -> Path:
    """Folder of a table version, by its path or by its name in a study.

    Parameters
    ----------
    name : str or path
        A folder; or with `study` a name such as ``v001``, or ``current``.
    study : path, optional
        The study's results, ``results/<study>``.

    Raises
    ------
    SynthaugError
        No such version; the message lists those there are.
    """
    folder = Path(name)
    if (folder / CHECKSUMS).is_file():
        return folder
    if study is None:
        raise SynthaugError(
            f"{name}: no table version (no {CHECKSUMS} in it); give its folder, "
            "or its name with --study results/<study>"
        )
    tables = Path(study) / "tables"
    if str(name) == "current" and (tables / CURRENT).is_file():
        return tables / str(read_json(tables / CURRENT)["version"])
    if (tables / name / CHECKSUMS).is_file():
        return tables / name
    there = sorted(path.parent.name for path in tables.glob(f"*/{CHECKSUMS}"))
    raise SynthaugError(f"{tables}: has no version {name}; it has {', '.join(there) or 'none'}")
