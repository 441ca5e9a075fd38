"""Simulated scans on disk as DICOM: a folder a subject, the Data Science Bowl of 2015, Sunnybrook, UK Biobank."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import generate_uid
from scipy.ndimage import binary_fill_holes
from skimage.measure import find_contours

from synthaug.core.leftovers import temporary_folder
from synthaug.labels import LV, MYO
from synthaug.phantom.dicom_writer import DicomCine, write_classic
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner
from synthaug.phantom.simulation import Simulated

#: What the simulated scanners call themselves; they have no manufacturer.
_MODEL = "Phantom"
#: Beginning of an original id by diagnosis, as the Sunnybrook Cardiac Data have it; they have no diseases of the RV.
_SUNNYBROOK_GROUPS = {"NOR": "SC-N", "MINF": "SC-HF-I", "DCM": "SC-HF-NI", "HCM": "SC-HYP", "RV": "SC-RV"}
_PATHOLOGIES = {
    "NOR": "Normal",
    "MINF": "Heart failure with infarct",
    "DCM": "Heart failure without infarct",
    "HCM": "Hypertrophy",
    "RV": "Right ventricle",
}


def dicom_id(index: int) -> str:
    """Folder of subject `index` (from 0) in layout `dicom`."""
    return f"case{index + 1:04d}"


def dsb_id(index: int) -> str:
    """Id of subject `index` in the Data Science Bowl: a number."""
    return str(index + 1)


def sunnybrook_id(index: int) -> str:
    """Patient id of subject `index` as the Cardiac Atlas Project gives it: SCD0000101."""
    return f"SCD{index + 1:05d}01"


def ukb_id(index: int) -> str:
    """Participant and visit of subject `index` in the style of UK Biobank."""
    return f"{1000001 + index}-2"


def dicom_cine(
    scan: Simulated, affine: np.ndarray, scanner: Scanner, subject: str, person: HeartParameters, vendor: str
) -> DicomCine:
    """The scan as files hold it: triggered by the R wave, so that trigger times are counted from ED.

    Parameters
    ----------
    scan : Simulated
        Cine and labels.
    affine : ndarray, shape (4, 4)
        Where it lies in the patient.
    scanner : Scanner
        Its slope and field strength are in the headers.
    subject : str
        What identifiers are made of.
    person : HeartParameters
        Sex, age, height and weight are in the headers.
    vendor : str
        Letter of the scanner.
    """
    frames = np.arange(len(scan.cine))
    trigger = np.mod(frames - scan.ed_frame, len(frames)) * scan.frame_duration_s * 1000
    header = {
        "Manufacturer": vendor,
        "ManufacturerModelName": _MODEL,
        "MagneticFieldStrength": scanner.field_t,
        "PatientSex": person.sex,
        "PatientAge": f"{person.age_years:03.0f}Y",
        "PatientSize": f"{person.height_cm / 100:.3f}",
        "PatientWeight": f"{person.weight_kg:.1f}",
        "SeriesDescription": "cine short axis",
    }
    return DicomCine(
        np.maximum(scan.cine, 0), affine, trigger, subject, header, scanner.slope, scanner.slice_thickness_mm
    )


def write_dicom_subject(root: Path, subject: str, cine: DicomCine, rng: np.random.Generator) -> None:
    """Write a folder of files without extension, names and numbers shuffled."""
    count = cine.cine.shape[0] * cine.cine.shape[1]
    names, numbers = rng.permutation(count), rng.permutation(count)
    folder = root / subject / "DICOM"
    files = [folder / f"S{name // 100:02d}" / f"IM{name:05d}" for name in names]
    write_classic(cine, files, [int(number) + 1 for number in numbers])


def dicom_row(subject: str, scan: Simulated, person: HeartParameters) -> dict[str, Any]:
    """The subject's entry in `subjects.tsv`; frames count from the R wave, from 0."""
    return {
        "subject": subject,
        "ed_frame": 0,
        "es_frame": (scan.es_frame - scan.ed_frame) % len(scan.cine),
        "diagnosis": person.diagnosis,
    }


def write_dsb_subject(root: Path, subject: str, cine: DicomCine, rng: np.random.Generator) -> None:
    """Write `train/<id>/study/sax_<n>`, a series a slice, the slices in any order, numbers shuffled."""
    n_frames, n_slices = cine.cine.shape[:2]
    series = rng.choice(np.arange(5, 5 + 3 * n_slices), n_slices, replace=False)
    study = root / "train" / subject / "study"
    files, numbers = [], []
    orders = [rng.permutation(n_frames) + 1 for _ in range(n_slices)]
    for t in range(n_frames):
        for z in range(n_slices):
            numbers.append(int(orders[z][t]))
            files.append(study / f"sax_{series[z]}" / f"IMG-{z + 1:04d}-{numbers[-1]:05d}.dcm")
    write_classic(cine, files, numbers, series_of_slice=True)


def write_dsb_table(root: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `train.csv`: the true volumes of the LV in mL, all that is known of the subjects."""
    with (root / "train.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["Id", "Systole", "Diastole"])
        writer.writerows([row["Id"], row["Systole"], row["Diastole"]] for row in rows)


def dsb_row(subject: str, scan: Simulated) -> dict[str, Any]:
    """The subject's entry in `train.csv`."""
    volumes = scan.volumes_ml["LV"]
    return {
        "Id": subject,
        "Systole": f"{volumes[scan.es_frame]:.1f}",
        "Diastole": f"{volumes[scan.ed_frame]:.1f}",
    }


def write_sunnybrook_subject(
    root: Path,
    subject: str,
    original: str,
    cine: DicomCine,
    labels: Mapping[int, np.ndarray],
    ed_frame: int,
    rng: np.random.Generator,
) -> None:
    """Write the images, and the contours of labelled frames: inner ones, and at ED outer ones too, as published.

    Parameters
    ----------
    root, subject, original : Path, str, str
        The dataset, and the subject's two ids.
    cine : DicomCine
        The cine.
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels by frame of the cine; empty where the subject has none.
    ed_frame : int
        Frame of the cine at end-diastole.
    rng : numpy.random.Generator
        Shuffles the numbers of the files.
    """
    n_frames, n_slices = cine.cine.shape[:2]
    numbers = [int(number) + 1 for number in rng.permutation(n_frames * n_slices)]
    images = root / "SCD_IMAGES_01" / subject / "CINESAX_300"
    shuffled = [int(number) + 1 for number in rng.permutation(len(numbers))]
    write_classic(cine, [images / f"IM-0003-{number:04d}.dcm" for number in numbers], shuffled)
    folder = root / "SCD_ManualContours" / original / "contours-manual" / "IRCCI-expert"
    for frame, volume in labels.items():
        for z, plane in enumerate(volume):
            number = numbers[frame * n_slices + z]
            _write_contour(folder / f"IM-0001-{number:04d}-icontour-manual.txt", plane == LV)
            if frame == ed_frame:
                heart = binary_fill_holes(np.isin(plane, (LV, MYO)))
                _write_contour(folder / f"IM-0001-{number:04d}-ocontour-manual.txt", heart)


def write_ukb_subject(root: Path, subject: str, cine: DicomCine, rng: np.random.Generator) -> None:
    """Write an archive of the visit: a series a slice, each with its own description, files in any order."""
    n_frames, n_slices = cine.cine.shape[:2]
    participant, visit = subject.split("-")
    study = generate_uid(entropy_srcs=[cine.key, "study"])
    with temporary_folder("dicom") as folder:
        for z in range(n_slices):
            affine = cine.affine.copy()
            affine[:3, 3] = (cine.affine @ [0, 0, z, 1])[:3]
            header = {
                **cine.header,
                "SeriesDescription": f"CINE_segmented_SAX_b{z + 1}",
                "StudyInstanceUID": study,
            }
            one = replace(
                cine, cine=cine.cine[:, z : z + 1], affine=affine, key=f"{cine.key} b{z + 1}", header=header
            )
            names = [Path(folder) / f"{z * n_frames + frame:05d}.dcm" for frame in range(n_frames)]
            write_classic(one, names, [frame + 1 for frame in range(n_frames)])
        written = sorted(Path(folder).iterdir())
        with zipfile.ZipFile(root / f"{participant}_20209_{visit}_0.zip", "w") as archive:
            for number, place in enumerate(rng.permutation(len(written))):
                # A fixed time: the same scan gives the same archive.
                archive.writestr(zipfile.ZipInfo(f"{number:05d}.dcm"), written[place].read_bytes())


def sunnybrook_original(index: int, diagnosis: str) -> str:
    """Original id of subject `index`: its group and number, padded as the folders of contours are."""
    return f"{_SUNNYBROOK_GROUPS[diagnosis]}-{index + 1:02d}"


def sunnybrook_row(subject: str, original: str, person: HeartParameters) -> dict[str, Any]:
    """The subject's entry in the table of patients."""
    group, _, number = original.rpartition("-")
    return {
        "PatientID": subject,
        "OriginalID": f"{group}-{int(number)}",  # the published table does not pad
        "Gender": {"M": "Male", "F": "Female"}.get(person.sex, ""),
        "Age": f"{person.age_years:.0f}",
        "Pathology": _PATHOLOGIES[person.diagnosis],
    }


def write_sunnybrook_table(root: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of patients."""
    with (root / "scd_patientdata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_contour(file: Path, mask: np.ndarray) -> None:
    """Write the longest outline of a mask, pixels counted as in MATLAB from 1; nothing where it is empty."""
    outlines = find_contours(np.pad(mask, 1).astype(float), 0.5)  # the padding closes outlines at the border
    if not outlines:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    points = max(outlines, key=len)[:, ::-1]  # the padding's pixel makes them count from 1
    file.write_text("".join(f"{x:.2f} {y:.2f}\n" for x, y in points), encoding="utf-8")
