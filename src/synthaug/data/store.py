"""Training data as memory-mapped arrays on one voxel grid, so that a training job reads only what it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.array_files import read_npy
from synthaug.core.artifacts import (
    atomic_folder,
    link_or_copy,
    read_json,
    read_tsv,
    sha256_file,
    write_json,
    write_tsv,
)
from synthaug.core.disk import reserved_memmap
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import TEXT_COLUMNS, Cohort
from synthaug.labels import UNLABELLED

_FILES = ("images.npy", "labels.npy", "slice_mask.npy", "subjects.tsv")
_RECORD = "store.json"


@dataclass(frozen=True)
class TensorStore:
    """Subjects of a cohort on one voxel grid.

    Attributes
    ----------
    images : memmap, shape (n, t, z, y, x), float16
        Intensities in [0, 1]; 0 in slices a subject does not have.
    labels : memmap, shape (n, t, z, y, x), uint8
        Canonical labels; `UNLABELLED` in frames without annotation and in missing slices.
    slice_mask : ndarray, shape (n, z), bool
        True where the subject has a slice.
    table : DataFrame
        The cohort's rows in the same order, indexed by subject.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).
    contents : dict of str to str
        SHA-256 of each file when the store was packed; see `check_contents`.
    """

    images: np.ndarray
    labels: np.ndarray
    slice_mask: np.ndarray
    table: pd.DataFrame
    spacing_mm: tuple[float, float, float]
    contents: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def open(cls, path: str | Path) -> TensorStore:
        """Open a store folder; the arrays are memory-mapped, read only."""
        path = Path(path)
        record = read_json(path / _RECORD)
        return cls(
            read_npy(path / "images.npy", mmap_mode="r"),
            read_npy(path / "labels.npy", mmap_mode="r"),
            read_npy(path / "slice_mask.npy"),
            read_tsv(path / "subjects.tsv", TEXT_COLUMNS).set_index("subject", drop=False),
            tuple(record["spacing_mm"]),
            record["contents"],
        )


def check_contents(path: str | Path) -> None:
    """Compare the files of a store with what was packed.

    Raises
    ------
    SynthaugError
        A file is not what it was: a damaged disk, a partial copy, an edit.
    """
    path = Path(path)
    for name, packed in read_json(path / _RECORD)["contents"].items():
        if sha256_file(path / name) != packed:
            raise SynthaugError(
                f"{path / name}: not what was packed (its checksum differs); remove {path} and run again"
            )


def pack(cohort: Cohort, path: str | Path, n_slices: int) -> None:
    """Pack a cohort into a store, slices centred in `n_slices`, one subject in memory at a time.

    Raises
    ------
    SynthaugError
        A subject has more slices than the voxel grid, or another matrix or frame count.
    """
    with atomic_folder(path) as folder:
        arrays: tuple[np.memmap, np.memmap] | None = None
        slice_mask = np.zeros((len(cohort.subjects), n_slices), bool)
        for index, subject in enumerate(cohort.subjects):
            cine, labels = cohort.cine(subject), cohort.label_cine(subject)
            t, z, y, x = cine.shape
            shape = (len(cohort.subjects), t, n_slices, y, x)
            if arrays is None:
                arrays = (
                    reserved_memmap(folder / "images.npy", np.float16, shape),
                    reserved_memmap(folder / "labels.npy", np.uint8, shape),
                )
                arrays[1][:] = UNLABELLED
            if z > n_slices or shape != arrays[0].shape:
                raise SynthaugError(
                    f"{cohort.folders[subject]}: grid {cine.shape} does not fit {arrays[0].shape[1:]}; "
                    "harmonise all cohorts with the same settings"
                )
            first = first_slice(z, n_slices)
            arrays[0][index, :, first : first + z] = cine
            arrays[1][index, :, first : first + z] = labels
            slice_mask[index, first : first + z] = True
        if arrays is None:
            raise SynthaugError(f"{cohort.name}: no subject to train on; see the split")
        for array in arrays:
            array.flush()
        np.save(folder / "slice_mask.npy", slice_mask)
        write_tsv(folder / "subjects.tsv", cohort.table.reset_index(drop=True))
        contents = {name: sha256_file(folder / name) for name in _FILES}
        write_json(
            folder / _RECORD,
            {"spacing_mm": list(cohort.spacing_mm), "contents": contents},
            checksum=True,
        )


def with_labels(store: str | Path, labels: Iterable[np.ndarray], path: str | Path, **about: Any) -> None:
    """Write a store again with other labels, atomically; what does not change is linked.

    Parameters
    ----------
    store : path
        Folder that `pack` wrote.
    labels : iterable of ndarray, shape (t, z, y, x), uint8
        Of each of its subjects in turn.
    path : path
        Folder to write.
    **about
        Where the labels come from, for ``store.json``.
    """
    given = TensorStore.open(store)
    with atomic_folder(path) as folder:
        for name in _FILES:
            if name != "labels.npy":
                link_or_copy(Path(store) / name, folder / name)
        written = reserved_memmap(folder / "labels.npy", np.uint8, given.labels.shape)
        for index, own in enumerate(labels):
            written[index] = own
        written.flush()
        contents = {**given.contents, "labels.npy": sha256_file(folder / "labels.npy")}
        record = {"spacing_mm": list(given.spacing_mm), "contents": contents, **about}
        write_json(folder / _RECORD, record, checksum=True)


def known_frames(labels: np.ndarray) -> np.ndarray:
    """Which frames of labels (t, z, y, x) have any label, (t,) bool."""
    return (labels != UNLABELLED).reshape(len(labels), -1).any(axis=1)


def first_slice(n_slices: int, grid_slices: int) -> int:
    """Index of a stack's first slice when it is centred in a voxel grid of `grid_slices`."""
    return (grid_slices - n_slices) // 2
