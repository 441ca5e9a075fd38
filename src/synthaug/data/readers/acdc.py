"""ACDC: a folder a patient with `Info.cfg`, the cine, and labelled ED and ES frames.

Bernard et al., IEEE TMI 37(11), 2018. Labels are 1 RV, 2 myocardium, 3 LV.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from synthaug.config.data import RawDatasetSettings
from synthaug.data.nifti import read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.labels import LV, MYO, RV

LABELS = {1: RV, 2: MYO, 3: LV}
_PATIENT = re.compile(r"patient\d+")
_FRAME_FILE = re.compile(r"_frame(\d+)(_gt)?\.nii\.gz$")


class AcdcReader(Reader):
    """Reads ACDC."""

    patterns = ("**/patient*/Info.cfg", "**/patient*/patient*.nii.gz")

    def find(self, root: Path) -> list[RawSubject]:
        """Patients anywhere under `root` (ACDC has folders `training` and `testing`).

        `Info.cfg` counts frames from 1. Entries beyond ACDC's own (Vendor, Centre, Scanner,
        Field in T, Sex, Age) are taken where they are.
        """
        folders = [folder for folder in sorted(root.glob("**/patient*")) if folder.is_dir()]
        return [_subject(folder, self.settings) for folder in folders if _PATIENT.fullmatch(folder.name)]


def _subject(folder: Path, settings: RawDatasetSettings) -> RawSubject:
    name, info_file = folder.name, folder / "Info.cfg"
    if not info_file.is_file():
        return base.unusable(
            "table-missing",
            name,
            info_file,
            "Info.cfg is missing",
            "restore it: ED, ES and the diagnosis are in it",
        )
    lines = info_file.read_text(encoding="utf-8", errors="replace").splitlines()
    info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    try:
        ed, es = (metadata.frame_index(info.get(key), first=1) for key in ("ED", "ES"))
    except ValueError as error:
        return base.unusable("frames-unread", name, info_file, str(error), "correct ED and ES")
    frames: dict[int, Path] = {}
    labels: dict[int, Path] = {}
    for file in sorted(folder.iterdir()):
        if match := _FRAME_FILE.search(file.name):
            (labels if match[2] else frames)[int(match[1]) - 1] = file
    cine = folder / f"{name}_4d.nii.gz"
    return RawSubject(
        id=name,
        files=(cine, info_file, *frames.values(), *labels.values()),
        load=partial(_load, name, cine, info_file, ed, es, frames, labels, settings),
        ed_frame=ed,
        es_frame=es,
        centre=metadata.text(info.get("Centre")),
        vendor=metadata.vendor_name(info.get("Vendor")),
        scanner=metadata.text(info.get("Scanner")),
        field_strength_t=metadata.number(info.get("Field")),
        diagnosis=metadata.diagnosis_code(info.get("Group")),
        sex=metadata.text(info.get("Sex")),
        age=metadata.number(info.get("Age")),
        height_cm=metadata.number(info.get("Height")),
        weight_kg=metadata.number(info.get("Weight")),
    )


def _load(
    name: str,
    path: Path,
    info_file: Path,
    ed: int | None,
    es: int | None,
    frames: Mapping[int, Path],
    labels: Mapping[int, Path],
    settings: RawDatasetSettings,
) -> RawCine:
    cine = base.read_cine(path, name)
    base.check_frames(name, info_file, cine.image.shape[3], ed, es)
    if base.spacing_is_lost(cine.voxel_size_mm):
        others = {file: read_nifti(file, name) for file in frames.values()}
        base.repair_spacing(cine, path, name, others, settings)
    cine.affine = _display_orientation(cine.affine)
    shape = cine.image.shape[:3]
    for frame, file in labels.items():
        base.check_frames(name, file, cine.image.shape[3], frame, None)
        cine.labels[frame] = base.canonical_labels(read_nifti(file, name).array, LABELS, file, name, shape)
    return cine


def _display_orientation(affine: np.ndarray) -> np.ndarray:
    """Give the affine's second axis the direction that the images have.

    ACDC's headers are axis-parallel stand-ins for the oblique planes that were scanned. All
    images are stored as the scanner displays them (chest wall left, diaphragm down). Their first
    axis is called left or posterior, between which it lies. The direction of the second depends on
    who wrote the file: some headers mirror the heart, both of intact and of lost geometry. Never
    mirrored means that the second axis follows the first by a quarter turn from left to posterior.
    """
    first = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    fixed = affine.copy()
    # Left is -x and posterior is -y: the quarter turn left -> posterior is (x, y) -> (-y, x).
    fixed[:3, 1] = np.array([-first[1], first[0], 0.0]) * np.linalg.norm(affine[:3, 1])
    return fixed
