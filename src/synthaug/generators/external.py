"""Synthetic volumes that exist: a folder that is a cohort already, whoever made it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from synthaug.core.artifacts import atomic_folder, read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort


def folder_state(folder: str | Path) -> str:
    """Hash of the names, sizes and times of a cohort's files: another one where a file was written anew.

    Nothing is read. A folder's own time does not change when a file in it is overwritten.

    Parameters
    ----------
    folder : path
        Cohort folder; hidden files do not count.

    Returns
    -------
    str
        SHA-256; empty without such a folder.
    """
    if not Path(folder).is_dir():
        return ""
    digest = hashlib.sha256()
    for name, size, time in sorted(_files(Path(folder))):
        digest.update(f"{name}\t{size}\t{time}\n".encode())
    return digest.hexdigest()


def _files(folder: Path, below: str = "") -> Iterator[tuple[str, int, int]]:
    """Name, bytes and time in ns of the files of a cohort and of its subjects."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir() and not below:
                yield from _files(Path(entry.path), f"{entry.name}/")
            elif entry.is_file():
                found = entry.stat()
                yield below + entry.name, found.st_size, found.st_mtime_ns


def bring_cohort(source: str | Path, output: str | Path) -> None:
    """Bring synthetic subjects into a study: a cohort of links to their folders, with the hash of each file.

    Parameters
    ----------
    source : path
        Cohort folder of kind ``synthetic`` (docs/adding-a-generator.md).
    output : path
        Cohort folder to write, whole or not at all.

    Raises
    ------
    SynthaugError
        The folder is no cohort, or one of real subjects, or a file is not what its ``cohort.json`` records.
    """
    source = Path(source)
    cohort = Cohort.open(source)
    if cohort.kind != "synthetic":
        raise SynthaugError(
            f"{source / 'cohort.json'}: kind is {cohort.kind!r}; a generator's folder must say 'synthetic'"
        )
    hashes = {
        subject: {
            file.name.removesuffix(".nii.gz"): sha256_file(file) for file in sorted(folder.glob("*.nii.gz"))
        }
        for subject, folder in cohort.folders.items()
    }
    for subject, recorded in (cohort.meta.get("files") or {}).items():
        for kind, sha256 in recorded.items():
            # What a cohort records beside its images, such as its native geometry, is not brought.
            if hashes.get(subject, {}).get(kind, sha256) != sha256:
                raise SynthaugError(
                    f"{source / f'sub-{subject}' / kind}.nii.gz: is not what cohort.json records; restore it, or write the "
                    "cohort again"
                )
    with atomic_folder(Path(output)) as folder:
        for subject, place in cohort.folders.items():
            (folder / f"sub-{subject}").symlink_to(place.absolute(), target_is_directory=True)
        for file in source.iterdir():
            if file.is_file() and not file.name.startswith("."):
                shutil.copyfile(file, folder / file.name)
        table = {"table_sha256": sha256_file(folder / "subjects.tsv"), "files": hashes}
        write_json(folder / "cohort.json", read_json(source / "cohort.json") | table)
