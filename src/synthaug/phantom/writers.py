"""Simulated scans on disk as ACDC and M&Ms publish theirs."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from synthaug.config.phantom import VENDORS
from synthaug.labels import LV, MYO, RV
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner
from synthaug.phantom.simulation import Simulated

MNMS_TABLE = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
_MNMS_COLUMNS = (
    "External code", "VendorName", "Vendor", "Centre", "ED", "ES",
    "Age", "Pathology", "Sex", "Height", "Weight",
)  # fmt: skip
_ACDC_LABELS = {RV: 1, MYO: 2, LV: 3}
_MNMS_LABELS = {LV: 1, MYO: 2, RV: 3}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Directions (right, anterior, superior) of the axes right, down and apex of a displayed short axis.
_SHORT_AXIS = np.array([[-0.60, -0.80, -0.04], [0.38, -0.24, -0.89], [-0.70, 0.55, -0.45]])


def acdc_id(index: int) -> str:
    """Folder of subject `index` (from 0) in ACDC's style: patient001."""
    return f"patient{index + 1:03d}"


def mnms_id(index: int) -> str:
    """External code of subject `index` in M&Ms' style: letters and digits in turn, none twice."""
    # The multiplier has no factor in common with the number of codes, so it permutes them.
    number = (index * 7_368_787 + 1_234_567) % (26**3 * 10**3)
    code = ""
    for _ in range(3):
        number, letter = divmod(number, 26)
        number, digit = divmod(number, 10)
        code += f"{_LETTERS[letter]}{digit}"
    return code


def write_acdc_subject(
    root: Path, subject: str, scan: Simulated, person: HeartParameters, scanner: Scanner, labelled: bool
) -> None:
    """Write `training/<subject>` with Info.cfg, the cine and, where labelled, its ED and ES frames.

    Labels are 1 RV, 2 myocardium, 3 LV; frames count from 1. As in ACDC all images
    are stored as they are displayed, and the affine is a stand-in parallel to the axes, that calls
    the image's right and down left and posterior.
    """
    folder = root / "training" / subject
    folder.mkdir(parents=True)
    spacing = scan.spacing_mm[::-1]
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(scan.cine.shape[:0:-1]) - 1) / 2
    info = {
        "ED": scan.ed_frame + 1,
        "ES": scan.es_frame + 1,
        "Group": person.diagnosis,
        "Height": f"{person.height_cm:.1f}",
        "NbFrame": len(scan.cine),
        "Weight": f"{person.weight_kg:.1f}",
    }
    lines = "".join(f"{key}: {value}\n" for key, value in info.items())
    (folder / "Info.cfg").write_text(lines, encoding="utf-8")
    _save(folder / f"{subject}_4d.nii.gz", scan.cine, affine, scan, scanner.slope)
    for frame in (scan.ed_frame, scan.es_frame) if labelled else ():
        name = f"{subject}_frame{frame + 1:02d}"
        _save(folder / f"{name}.nii.gz", scan.cine[frame], affine, scan, scanner.slope)
        labels = _renumbered(scan.labels[frame], _ACDC_LABELS)
        _save(folder / f"{name}_gt.nii.gz", labels, affine, scan)


def write_mnms_subject(
    root: Path,
    subject: str,
    scan: Simulated,
    scanner: Scanner,
    labelled: bool,
    rng: np.random.Generator,
) -> None:
    """Write the cine under `Training/Labeled` or `Training/Unlabeled`, and its 4D labels.

    Labels are 1 LV, 2 myocardium, 3 RV and stand in the ED and ES frames only. The affine is
    oblique: the short axis as it lies in a patient, a few degrees different in each.
    """
    folder = root / "Training" / ("Labeled" if labelled else "Unlabeled") / subject
    folder.mkdir(parents=True)
    affine = short_axis_affine(scan, rng)
    _save(folder / f"{subject}_sa.nii.gz", scan.cine, affine, scan, scanner.slope, scanner.storage)
    if labelled:
        labels = np.zeros(scan.labels.shape, np.uint8)
        for frame in (scan.ed_frame, scan.es_frame):
            labels[frame] = _renumbered(scan.labels[frame], _MNMS_LABELS)
        _save(folder / f"{subject}_sa_gt.nii.gz", labels, affine, scan, storage=scanner.storage)


def short_axis_affine(scan: Simulated, rng: np.random.Generator) -> np.ndarray:
    """Voxel indices (x, y, z) to (right, anterior, superior): a short axis in a patient, a few degrees different in each."""
    directions = np.linalg.svd(_SHORT_AXIS)
    turned = Rotation.from_euler("xyz", rng.normal(0, 2, 3), degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = (turned @ (directions.U @ directions.Vh).T) * np.array(scan.spacing_mm[::-1])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(scan.cine.shape[:0:-1]) - 1) / 2 + rng.normal(0, 20, 3)
    return affine


def mnms_row(subject: str, scan: Simulated, person: HeartParameters, vendor: str) -> dict[str, Any]:
    """The subject's entry in the dataset's table; frames count from 0."""
    return {
        "External code": subject,
        # Simulated scanners have no manufacturer: the letter is all the name there is.
        "VendorName": vendor,
        "Vendor": vendor,
        "Centre": VENDORS.index(vendor) + 1,
        "ED": scan.ed_frame,
        "ES": scan.es_frame,
        "Age": f"{person.age_years:.0f}",
        "Pathology": "ARV" if person.diagnosis == "RV" else person.diagnosis,
        "Sex": person.sex,
        "Height": f"{person.height_cm:.0f}",
        "Weight": f"{person.weight_kg:.0f}",
    }


def write_mnms_table(root: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the dataset's table; like the public one it begins with a numbered column of no name."""
    with (root / MNMS_TABLE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["", *_MNMS_COLUMNS])
        for number, row in enumerate(rows):
            writer.writerow([number, *(row[column] for column in _MNMS_COLUMNS)])


def _renumbered(labels: np.ndarray, numbers: dict[int, int]) -> np.ndarray:
    lookup = np.zeros(max(numbers) + 1, np.uint8)
    for label, number in numbers.items():
        lookup[label] = number
    return lookup[labels]


def _save(
    path: Path,
    volume: np.ndarray,
    affine: np.ndarray,
    scan: Simulated,
    slope: float | None = None,
    storage: Sequence[tuple[int, int]] = ((0, 1), (1, 1), (2, 1)),
) -> None:
    """Write (t, z, y, x) or (z, y, x), axes in the order of `storage`; labels have no slope."""
    voxels = volume.T if slope is None else np.round(volume.T / slope).astype(np.int16)
    image = nib.Nifti1Image(voxels, affine).as_reoriented(np.array(storage))
    image.header.set_xyzt_units("mm", "sec")
    if volume.ndim == 4:
        image.header["pixdim"][4] = scan.frame_duration_s
    content = bytearray(image.to_bytes())
    if slope is not None and slope != 1:
        # nibabel would rescale the integers; the factor is only to be noted beside them.
        header = nib.Nifti1Header(bytes(content[:348]), check=False)
        header["scl_slope"], header["scl_inter"] = slope, 0
        content[:348] = header.binaryblock
    # mtime 0: the same voxels must give the same bytes, whenever they are written.
    path.write_bytes(gzip.compress(bytes(content), compresslevel=3, mtime=0))
