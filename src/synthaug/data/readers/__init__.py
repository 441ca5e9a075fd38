"""Readers of raw datasets, by layout: ACDC, M&Ms, M&Ms-2, and any BIDS-like NIfTI folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from synthaug.config.data import DatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of
from synthaug.data.readers.base import REFUSED_ID, RawSubject, Reader, refused_id, unusable


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
        The root does not exist, holds nothing of the layout, lacks the dataset's table, or
        has one id twice.
    """
    subjects = _reader(settings).find(_existing(root))
    if not subjects:
        raise SynthaugError(
            f"{root}: no subject in the layout {_named(settings)}; check the root and the layout"
        )
    seen: dict[str, RawSubject] = {}
    for subject in subjects:
        if refused_id(subject.id):
            subject = unusable(
                "id-refused", subject.id, subject.files[0] if subject.files else Path(root), *REFUSED_ID
            )
        if subject.id in seen:
            places = [
                str(entry.files[0]) if entry.files else str(root) for entry in (subject, seen[subject.id])
            ]
            raise SynthaugError(
                f"{subject.id}: {places[0]}: the same id is also in {places[1]}; remove or rename one of them"
            )
        seen[subject.id] = subject
    return [
        replace(
            seen[key],
            vendor=seen[key].vendor or settings.vendor,
            centre=seen[key].centre or settings.centre,
        )
        for key in sorted(seen)
    ]


def raw_files(settings: DatasetSettings, root: str | Path) -> list[Path]:
    """Files under `root` that a study depends on, sorted; none of them is read.

    Raises
    ------
    SynthaugError
        The root does not exist or holds no file of the layout.
    """
    folder = _existing(root)
    files = sorted({file for pattern in _reader(settings).patterns for file in folder.glob(pattern)})
    if not files:
        raise SynthaugError(
            f"{root}: no file in the layout {_named(settings)}; check the root and the layout"
        )
    return files


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
