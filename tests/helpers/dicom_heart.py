"""DICOM files of the small beating heart, through the phantom's writers, and edits of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread
from raw_files import affine, heart

from synthaug.data.orientation import APEX_DIRECTION, X_DIRECTION, Y_DIRECTION
from synthaug.phantom.dicom_layouts import write_dicom_subject
from synthaug.phantom.dicom_writer import DicomCine, save

STEP_MS = 40.0
HEADER = {
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "Aera",
    "MagneticFieldStrength": "1.5",
    "SeriesDescription": "cine short axis",
}


def cine(
    voxel: tuple[float, float, float] = (1.4, 1.6, 10.0), key: str = "heart", frames: int = 8, **header: Any
) -> DicomCine:
    """The heart as a short axis, ED at the R wave, the first frame of the array the third of the beat."""
    image = np.roll(heart(es=3)[0][:frames], 2, axis=0)
    matrix = affine(X_DIRECTION, Y_DIRECTION, APEX_DIRECTION, voxel)
    turned = np.linalg.svd(matrix[:3, :3] / voxel)  # exactly perpendicular
    matrix[:3, :3] = (turned.U @ turned.Vh) * voxel
    matrix[:3, 3] = (10, -20, 30)
    times = np.mod(np.arange(frames) - 2, frames) * STEP_MS
    return DicomCine(image, matrix, times, key, HEADER | header, slope=2.0)


def write(root: Path, scan: DicomCine | None = None, subject: str = "case1", seed: int = 0) -> list[Path]:
    """Write it as a subject of layout `dicom`; its files."""
    write_dicom_subject(root, subject, scan or cine(), np.random.default_rng(seed))
    return files(root / subject)


def files(folder: Path) -> list[Path]:
    """Files below a folder."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def edit(file: Path, change: Callable[[Dataset], None]) -> None:
    """Change a file's elements."""
    dataset = dcmread(file)
    change(dataset)
    save(dataset, file)


def of_slice(folder: Path, z: int, scan: DicomCine | None = None) -> list[Path]:
    """Files of one slice, counted as in the array, by trigger time."""
    wanted = (scan or cine()).position(z)
    found = []
    for file in files(folder):
        header = dcmread(file, stop_before_pixels=True)
        if np.allclose(header.ImagePositionPatient, wanted, atol=0.01):
            found.append((float(header.TriggerTime), file))
    return [file for _, file in sorted(found)]


def long_axis(root: Path, subject: str = "case1") -> None:
    """One long-axis cine and a localiser of one frame in other directions."""
    scan = cine(key="long axis")
    turned = scan.affine.copy()
    turned[:3, :3] = turned[:3, [1, 2, 0]]
    one = replace(
        scan, affine=turned, cine=scan.cine[:, :1], header=scan.header | {"SeriesDescription": "cine 2ch"}
    )
    write_dicom_subject(root / subject, "long", one, np.random.default_rng(1))
    transverse = np.diag([-1.5, -1.5, 10.0, 1.0])
    localiser = replace(
        scan,
        affine=transverse,
        cine=scan.cine[:1],
        trigger_ms=scan.trigger_ms[:1],
        key="localiser",
        header=scan.header | {"SeriesDescription": "localiser"},
    )
    write_dicom_subject(root / subject, "localiser", localiser, np.random.default_rng(2))


def at_world(image: np.ndarray, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of an array (x, y, z, ...) at points (n, 3) in mm, which are voxel centres."""
    places = (np.linalg.inv(matrix) @ np.c_[points, np.ones(len(points))].T)[:3]
    assert np.allclose(places, np.round(places), atol=0.02)
    x, y, z = np.round(places).astype(int)
    return image[x, y, z]
