"""Simulated scans on disk as M&Ms-2 publishes its own: the cine, and the images and labels of ED and ES beside it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.labels import LV, MYO, RV
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
    root: Path, subject: str, scan: Simulated, scanner: Scanner, labelled: bool, rng: np.random.Generator
) -> None:
    """Write `dataset/<subject>` with the short-axis cine and, where labelled, ED and ES; labels are 1 LV, 2 MYO, 3 RV."""
    folder = root / "dataset" / subject
    folder.mkdir(parents=True)
    affine = short_axis_affine(scan, rng)
    save(folder / f"{subject}_SA_CINE.nii.gz", scan.cine, affine, scan, scanner.slope)
    for phase, frame in (("ED", scan.ed_frame), ("ES", scan.es_frame)) if labelled else ():
        save(folder / f"{subject}_SA_{phase}.nii.gz", scan.cine[frame], affine, scan, scanner.slope)
        labels = renumbered(scan.labels[frame], _LABELS)
        save(folder / f"{subject}_SA_{phase}_gt.nii.gz", labels, affine, scan)


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
