"""Synthetic volumes that exist: a folder that is a cohort already, whoever made it."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthaug.core.artifacts import atomic_folder, read_json, sha256_file, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort


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
        write_json(folder / "cohort.json", read_json(source / "cohort.json") | table, checksum=True)
