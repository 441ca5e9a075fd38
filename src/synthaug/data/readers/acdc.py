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
from synthaug.core.errors import SynthaugError
from synthaug.core.text_tables import read_text
from synthaug.data.findings import Finding
from synthaug.data.nifti import NiftiImage, read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.data.readers.folders import image_stem, scan
from synthaug.data.readers.label_grid import frame_of_cine, on_cine_grid
from synthaug.labels import LV, MYO, RV

LABELS = {1: RV, 2: MYO, 3: LV}
_PATIENT = re.compile(r"patient\d+")
_FRAME_FILE = re.compile(r"_frame(\d+)(_gt)?")


class AcdcReader(Reader):
    """Reads ACDC."""

    patterns = ("**/patient*/Info.cfg", "**/patient*/patient*.nii.gz", "**/patient*/patient*.nii")

    def find(self, root: Path) -> list[RawSubject]:
        """Patients anywhere under `root` (ACDC has folders `training` and `testing`).

        `Info.cfg` counts frames from 1. Entries beyond ACDC's own (Vendor, Centre, Scanner,
        Field in T, Sex, Age) are taken where they are.
        """
        found = scan(root)
        patients: dict[Path, list[Path]] = {
            folder: [] for folder in found.folders if _PATIENT.fullmatch(folder.name)
        }
        for file in found.files:
            if file.parent in patients:
                patients[file.parent].append(file)
        return [_subject(folder, files, self.settings) for folder, files in patients.items()]


def _subject(folder: Path, files: list[Path], settings: RawDatasetSettings) -> RawSubject:
    name = folder.name
    info_file = next((file for file in files if file.name.lower() == "info.cfg"), folder / "Info.cfg")
    if not info_file.is_file():
        return base.unusable(
            "table-missing",
            name,
            info_file,
            "Info.cfg is missing",
            "restore it: ED, ES and the diagnosis are in it",
        )
    try:
        pairs = _info(info_file)
    except SynthaugError as error:
        problem = str(error).removeprefix(f"{info_file}: ").partition("; ")[0]
        return base.unusable("file-unreadable", name, info_file, problem, "restore Info.cfg")
    entries = metadata.Entries(dict(pairs))
    for key, entry in pairs:
        if entry != entries.row[key]:
            problem = f"Info.cfg has {key} twice, as {entry!r} and {entries.row[key]!r}"
            return base.unusable("row-twice", name, info_file, problem, "keep one of them")
    try:
        ed, es = (entries.frame(key, first=1) for key in ("ED", "ES"))
    except ValueError as error:
        return base.unusable("frames-unread", name, info_file, str(error), "correct ED and ES")
    frames: dict[int, Path] = {}
    labels: dict[int, Path] = {}
    cines = []
    for file in files:
        stem = image_stem(file)
        if stem is None:
            continue
        if match := _FRAME_FILE.fullmatch(stem.removeprefix(name)):
            (labels if match[2] else frames)[int(match[1]) - 1] = file
        elif stem == f"{name}_4d":
            cines.append(file)
    cine = cines[0] if cines else folder / f"{name}_4d.nii.gz"
    return RawSubject(
        id=name,
        files=(cine, info_file, *frames.values(), *labels.values()),
        load=partial(_load, name, cine, info_file, ed, es, _frames_said(entries), frames, labels, settings),
        ed_frame=ed,
        es_frame=es,
        centre=entries.text("Centre"),
        vendor=entries.vendor("Vendor"),
        scanner=entries.text("Scanner"),
        field_strength_t=entries.number("Field", "field_strength_t"),
        diagnosis=entries.diagnosis("Group"),
        **entries.person("Sex", "Age", "Height", "Weight"),
        findings=tuple(entries.findings),
    )


def _info(file: Path) -> list[tuple[str, str]]:
    """Names and entries of `Info.cfg`: one a line, on either side of a colon or an equals sign."""
    pairs = (re.split(r"[:=]", line, maxsplit=1) for line in read_text(file).splitlines())
    return [(pair[0].strip(), pair[1].strip()) for pair in pairs if len(pair) == 2]


def _frames_said(entries: metadata.Entries) -> int | None:
    """Frames of the cine by `Info.cfg`; None where it does not say."""
    try:
        return entries.frame("NbFrame", first=0)
    except ValueError:
        return None


def _load(
    name: str,
    path: Path,
    info_file: Path,
    ed: int | None,
    es: int | None,
    said: int | None,
    frames: Mapping[int, Path],
    labels: Mapping[int, Path],
    settings: RawDatasetSettings,
) -> RawCine:
    cine = base.read_cine(path, name)
    n_frames = cine.image.shape[3]
    base.check_frames(name, info_file, n_frames, ed, es)
    if said is not None and said != n_frames:
        problem = f"Info.cfg says {said} frames, the cine has {n_frames}"
        cine.findings.append(
            Finding("frames-differ", problem, "check that the cine is whole and the patient's")
        )
    others = {}
    shown = {}  # number of the file -> frame of the cine, and how its labels lie on it
    for frame, file in frames.items():
        place, others[file], bring = frame_of_cine(read_nifti(file, name), cine, file, name, frame)
        shown[frame] = place, bring
    shape = cine.image.shape[:3]

    def on_cine(read: NiftiImage, file: Path) -> NiftiImage:
        return on_cine_grid(read, cine, file, name)

    for frame, file in labels.items():
        place, bring = shown.get(frame, (frame, on_cine))
        others[file] = bring(read_nifti(file, name), file)
        volume = base.canonical_labels(others[file].array, LABELS, file, name, shape)
        base.add_labels(cine, place, volume, file, name)
    for frame in sorted(set(frames) - set(labels)):
        problem = f"{frames[frame].name} has no labels beside it"
        cine.findings.append(Finding("frame-unlabelled", problem, "the frame counts as not annotated"))
    base.settle_size(cine, path, name, others, settings)
    cine.affine = _display_orientation(cine.affine)
    return cine


def _display_orientation(affine: np.ndarray) -> np.ndarray:
    """Give the affine's second axis the direction that the images have.

    ACDC's headers are axis-parallel stand-ins for the oblique planes that were scanned. All
    images are stored as the scanner displays them (chest wall left, diaphragm down). Their first
    axis is called left or posterior, between which it lies. The direction of the second depends on
    who wrote the file: some headers mirror the heart, both of intact and of lost geometry. Never
    mirrored means that the second axis follows the first by a quarter turn from left to posterior.
    """
    length = float(np.linalg.norm(affine[:3, 0]))
    if not length > 0:
        return affine
    first = affine[:3, 0] / length
    fixed = affine.copy()
    # Left is -x and posterior is -y: the quarter turn left -> posterior is (x, y) -> (-y, x).
    fixed[:3, 1] = np.array([-first[1], first[0], 0.0]) * np.linalg.norm(affine[:3, 1])
    return fixed
