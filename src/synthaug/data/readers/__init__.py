"""Readers of raw datasets, by layout: public ones, any BIDS-like NIfTI folder, any folders of DICOM files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthaug.config.data import DatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of
from synthaug.data.readers.base import REFUSED_ID, RawSubject, Reader, refusal_of, refused_id, twice, unusable
from synthaug.data.readers.folders import Ignored, leads_nowhere, scan


def find_subjects(settings: DatasetSettings, root: str | Path) -> list[RawSubject]:
    """Subjects of a raw dataset with their metadata; images are read on access.

    Parameters
    ----------
    settings : DatasetSettings
        How the dataset is laid out, and what its files do not say.
    root : path
        Its folder.

    Returns
    -------
    list of RawSubject
        Sorted by id. A subject that is there but cannot be used is among them; its `load`
        raises the `SubjectError` that says why.

    Raises
    ------
    SynthaugError
        The root does not exist, holds nothing of the layout, or lacks the dataset's table.
    """
    subjects = _reader(settings).find(_existing(root))
    if not subjects:
        raise SynthaugError(
            f"{root}: no subject in the layout {_named(settings)}; check the root and the layout"
        )
    seen: dict[str, list[RawSubject]] = {}
    for subject in subjects:
        if refused_id(subject.id):
            place = subject.files[0] if subject.files else Path(root)
            subject = unusable(
                "id-refused", re.sub(r"[^A-Za-z0-9-]+", "-", subject.id)[:64], place, *REFUSED_ID
            )
        seen.setdefault(subject.id, []).append(subject)
    unique = [
        found[0]
        if len(found) == 1
        else twice(name, [one.files[0] if one.files else Path(root) for one in found])
        for name, found in sorted(seen.items())
    ]
    return [
        replace(subject, vendor=subject.vendor or settings.vendor, centre=subject.centre or settings.centre)
        for subject in unique
    ]


def ignored_files(
    settings: DatasetSettings, root: str | Path, subjects: Sequence[RawSubject]
) -> list[Ignored]:
    """Files and folders below `root` that are not read, and why.

    Parameters
    ----------
    settings : DatasetSettings
        How the dataset is laid out.
    root : path
        Its folder.
    subjects : sequence of RawSubject
        From `find_subjects`.

    Notes
    -----
    A file whose name fits the layout may still be no subject's: labels in another folder than their cine. What lies in
    the folder of a refused subject is not listed, because its finding says why nothing of it is read.
    """
    reader = _reader(settings)
    found = scan(_existing(root))
    fitting = set(found.matching(*reader.patterns))
    read = {file for subject in subjects for file in subject.files}
    refused = [subject for subject in subjects if refusal_of(subject)]
    folders = {place for subject in refused if (place := _folder_of_refusal(subject, found.root))}
    names = {name for subject in refused for name in (subject.id, f"sub-{subject.id}")}
    # Where a table is known to be the one that was read, another one beside it was not.
    has_table = any(file.parent == found.root for file in read)
    rest = []
    for file in found.files:
        if leads_nowhere(file) and file not in read:
            rest.append(Ignored(file, "a link to nothing"))
        elif file not in read | fitting:
            rest.append(Ignored(file, f"not a file of the layout {_named(settings)}"))
        elif (
            file not in read
            and not reader.many_files
            and not (
                (file.parent == found.root and not has_table) or _is_excused(file, found.root, folders, names)
            )
        ):
            rest.append(Ignored(file, "no subject uses it"))
    ignored = [*found.ignored, *rest]
    if reader.names_patients:
        # Names of folders may say who a patient is; what is ignored is then told without them.
        return [_unnamed(one, found.root) for one in ignored]
    return ignored


def _folder_of_refusal(subject: RawSubject, root: Path) -> Path | None:
    """Folder in which a refusal shows; None where that is the dataset's table."""
    refusal = refusal_of(subject)
    assert refusal is not None
    place = Path(refusal.file)
    folder = place if place.is_dir() else place.parent
    return None if folder == root else folder


def _is_excused(file: Path, root: Path, folders: set[Path], names: set[str]) -> bool:
    """Whether it lies in the folder of a refused subject, or in one that is called as it is."""
    below = file.relative_to(root).parts[:-1]
    return not folders.isdisjoint(file.parents) or not names.isdisjoint(below)


def raw_files(settings: DatasetSettings, root: str | Path) -> list[Path]:
    """Files under `root` that a study depends on, sorted; none of them is read.

    Of layouts whose scans have hundreds of files each, the folders that hold them stand for the images.

    Raises
    ------
    SynthaugError
        The root does not exist or holds no file of the layout.
    """
    folder = _existing(root)
    reader = _reader(settings)
    files = scan(folder).matching(*reader.patterns)
    if reader.many_files:
        files = sorted({file if _is_single(file, folder) else file.parent for file in files})
    if not files:
        raise SynthaugError(
            f"{root}: no file in the layout {_named(settings)}; check the root and the layout"
        )
    return files


def _is_single(file: Path, root: Path) -> bool:
    """Whether a study depends on the file itself: a table, a contour, an archive, or what lies beside them."""
    return file.parent == root or file.suffix.lower() in (".csv", ".tsv", ".txt", ".zip")


def _unnamed(ignored: Ignored, root: Path) -> Ignored:
    if ignored.path.parent == root and not ignored.path.is_dir():
        return ignored
    return Ignored(root / "in a folder", ignored.reason.partition(" of ")[0])


def _reader(settings: DatasetSettings) -> Reader:
    reader: Reader = class_of(settings, Reader)(settings)
    return reader


def _named(settings: Any) -> str:
    return str(getattr(settings, "class_name", settings.layout))


def _existing(root: str | Path) -> Path:
    folder = Path(root)
    if not folder.is_dir():
        raise SynthaugError(
            f"{folder}: the dataset's root does not exist; set it to the folder of the raw dataset"
        )
    return folder
