"""Simulated scans on disk as M&Ms-2 publishes its own: the cine of each view, and images and labels of ED and ES beside it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.labels import LV, MYO, RV
from synthaug.phantom.long_axis import LongAxisScan
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner
from synthaug.phantom.simulation import Simulated
from synthaug.phantom.writers import renumbered, save, short_axis_affine

_COLUMNS = ("SUBJECT_CODE", "DISEASE", "VENDOR", "SCANNER", "FIELD")
_LABELS = {LV: 1, MYO: 2, RV: 3}


def mnms2_id(index: int) -> str:
    """Folder of subject `index` (from 0): 001."""
    return f"{index + 1:03d}"


def write_mnms2_subject(
    root: Path,
    subject: str,
    scan: Simulated,
    long_axis: LongAxisScan,
    scanner: Scanner,
    labelled: bool,
    rng: np.random.Generator,
) -> None:
    """Write `dataset/<subject>` with the cine of both views and, where labelled, ED and ES; labels are 1 LV, 2 MYO, 3 RV."""
    folder = root / "dataset" / subject
    folder.mkdir(parents=True)
    affine = short_axis_affine(scan, rng)
    _write_view(folder / f"{subject}_SA", scan, affine, scanner, labelled)
    _write_view(
        folder / f"{subject}_LA", long_axis.scan, long_axis_affine(long_axis, affine), scanner, labelled
    )


def long_axis_affine(long_axis: LongAxisScan, short_axis: np.ndarray) -> np.ndarray:
    """Voxel indices (x, y, z) of the long axis to (right, anterior, superior).

    Parameters
    ----------
    long_axis : LongAxisScan
        The scan.
    short_axis : ndarray, shape (4, 4)
        Affine of the same patient's short axis, whose directions it shares. Its origin does not: the middle of the image
        lies at 0.
    """
    directions = short_axis[:3, :3] / np.linalg.norm(short_axis[:3, :3], axis=0)
    affine = np.eye(4)
    affine[:3, :3] = directions @ long_axis.axes.T * np.array(long_axis.scan.spacing_mm[::-1])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(long_axis.scan.cine.shape[:0:-1]) - 1) / 2
    return affine


def _write_view(start: Path, scan: Simulated, affine: np.ndarray, scanner: Scanner, labelled: bool) -> None:
    save(start.with_name(f"{start.name}_CINE.nii.gz"), scan.cine, affine, scan, scanner.slope)
    for phase, frame in (("ED", scan.ed_frame), ("ES", scan.es_frame)) if labelled else ():
        image, mask = (start.with_name(f"{start.name}_{phase}{end}.nii.gz") for end in ("", "_gt"))
        save(image, scan.cine[frame], affine, scan, scanner.slope)
        save(mask, renumbered(scan.labels[frame], _LABELS), affine, scan)


def mnms2_row(index: int, person: HeartParameters, scanner: Scanner, vendor: str) -> dict[str, Any]:
    """The subject's entry in the dataset's table, in which the code is a number."""
    return {
        "SUBJECT_CODE": index + 1,
        "DISEASE": person.diagnosis,
        "VENDOR": vendor,
        "SCANNER": "Phantom",
        "FIELD": scanner.field_t,
    }


def write_mnms2_table(root: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write `dataset_information.csv`."""
    with (root / "dataset_information.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
