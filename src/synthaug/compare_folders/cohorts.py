"""Two folders of cines as two cohorts on one voxel grid, so that one extractor can look at all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from synthaug.core.artifacts import atomic_folder, sha256_file, sha256_json
from synthaug.core.beside import beside
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, check_subject_id, write_cohort, write_subject
from synthaug.data.findings import SubjectError
from synthaug.data.harmonise import normalise
from synthaug.data.heart_window import heart_window
from synthaug.data.nifti import read_nifti
from synthaug.data.readers.folders import image_stem, scan
from synthaug.data.resampling import beat_positions, resample_beat, resample_image
from synthaug.data.voxel_size import is_lost
from synthaug.jobs.progress import progress
from synthaug.views import SHORT_AXIS, View

#: Percentiles of a cine of a plain folder that become 0 and 1; a cohort's intensities stay as they are.
PERCENTILES = (1.0, 99.0)
#: Relative difference up to which two voxel sizes are one; headers hold them in single precision.
_SAME_SPACING = 1e-3
#: How the public datasets and their users name label files, which may be 4D as well.
_LABELS = re.compile(r"(^|[_.-])(gt|labels?|masks?|seg|segmentations?)\.nii(\.gz)?$", re.IGNORECASE)


class Cine(NamedTuple):
    """One cine file: subject, file, shape (t, z, y, x), voxel size (z, y, x), hash of the file."""

    subject: str
    path: Path
    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    sha256: str


class VoxelGrid(NamedTuple):
    """What all cines get in common: frames, matrix (z at most, y, x), voxel size (z, y, x), and whether by resampling."""

    frames: int
    matrix: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    resample: bool

    def fits(self, cine: Cine) -> bool:
        """Whether a cine has these frames and pixels already."""
        same = not self.resample or np.allclose(cine.spacing_mm[1:], self.spacing_mm[1:], rtol=_SAME_SPACING)
        return bool(same) and (cine.shape[0], *cine.shape[2:]) == (self.frames, *self.matrix[1:])


@dataclass(frozen=True)
class CineFolder:
    """A folder as the user gave it.

    Attributes
    ----------
    path, name : Path, str
        The folder, and the cohort's name or the folder's.
    kind : str
        ``"real"`` or ``"synthetic"`` as a cohort says of itself, ``"plain"`` without ``cohort.json``.
    view : {"short_axis", "long_axis", "other"}
        As a cohort says.
    cines : list of Cine
        In a fixed order.
    patients : dict of str to str
        Patient of each subject, where a cohort says it.
    left_out : dict of str to list of str
        Why files were left out, and which.
    """

    path: Path
    name: str
    kind: str
    view: View = SHORT_AXIS
    cines: list[Cine] = field(default_factory=list)
    patients: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def read_folder(path: str | Path, role: str, threads: int = 1) -> CineFolder:
    """Read every cine of a folder once, so that whatever is wrong with one shows before long work starts.

    Parameters
    ----------
    path : path
        A cohort (it has ``cohort.json``), or any folder with 4D NIfTI files (x, y, z, t) at any depth.
        Of a plain folder, label files (named ``*_gt``, ``*_labels``, ...), hidden files and, beside 4D
        ones, 3D files are left out.
    role : {"real", "synthetic"}
        For the progress.
    threads : int
        Files that are read at a time, each whole in memory.

    Raises
    ------
    SynthaugError
        There is no folder or no cine in it, a file is corrupted or has values that are not finite, or two
        files would be one subject.
    """
    path = Path(path)
    if not path.is_dir():
        raise SynthaugError(f"{path}: no such folder; give a cohort or a folder of 4D NIfTI cines")
    if (path / "cohort.json").is_file():
        cohort = Cohort.open(path)
        folder = CineFolder(path, cohort.name, cohort.kind, cohort.view)
        if "patient" in cohort.table:
            folder.patients.update(cohort.table["patient"].dropna().astype(str))
        files = {subject: place / "cine.nii.gz" for subject, place in cohort.folders.items()}
    else:
        folder = CineFolder(path, path.resolve().name, "plain")
        files = _plain_files(folder)
    show, stacks = progress(f"{role} files read"), []
    read = beside(partial(_read_cine, plain=folder.kind == "plain"), files.items(), _beside(threads))
    for done, (file, cine) in enumerate(zip(files.values(), read, strict=True), start=1):
        if cine is not None:
            folder.cines.append(cine)
        else:
            stacks.append(str(file.relative_to(path)))
        show(done, len(files))
    if not folder.cines and stacks:
        raise SynthaugError(
            f"{path}: no 4D cine, only 3D: {shortened(stacks)}; give cines with all their frames in one file "
            "(x, y, z, t)"
        )
    if not folder.cines:
        raise SynthaugError(
            f"{path}: no cine in a common format; give a folder with cohort.json or 4D NIfTI files (*.nii, *.nii.gz; "
            "convert DICOM first)"
        )
    if stacks:
        folder.left_out["3D"] = stacks
    return folder


def _read_cine(named: tuple[str, Path], plain: bool) -> Cine | None:
    """What is kept of the file of a subject; None of a stack."""
    subject, file = named
    image = read_nifti(file, subject)
    if image.array.ndim != 4:
        return None
    if not plain and (image.array.min() < -1e-3 or image.array.max() > 1 + 1e-3):
        problem = "intensities leave [0, 1], which a cohort's do not"
        raise SubjectError(
            "cohort-intensities",
            subject,
            file,
            problem,
            "harmonise the cohort again, or remove its cohort.json",
        )
    x, y, z = image.voxel_size_mm
    return Cine(subject, file, image.array.T.shape, (z, y, x), sha256_file(file))


def _beside(threads: int) -> int:
    """Threads beside this one, which waits for them; none where it is to work alone."""
    return threads if threads > 1 else 0


def _plain_files(folder: CineFolder) -> dict[str, Path]:
    """NIfTI files of a folder without a table by subject, which is named after the path of its file."""
    files: dict[str, Path] = {}
    found = scan(folder.path)
    for file in found.files:
        if image_stem(file) is None:
            continue
        place = str(file.relative_to(folder.path))
        if _LABELS.search(file.name):
            folder.left_out.setdefault("named as labels", []).append(place)
            continue
        subject = re.sub(r"[^A-Za-z0-9]+", "-", str(Path(place).with_name(image_stem(file) or "")))[
            -64:
        ].strip("-")
        if subject in files:
            raise SynthaugError(f"{file}: subject {subject} is also {files[subject]}; rename one of them")
        files[check_subject_id(subject, file)] = file
    return files


def common_grid(
    real: CineFolder, synthetic: CineFolder, resample: bool, size: int | None, multiple: Sequence[int]
) -> VoxelGrid:
    """The voxel grid of a comparison: the median of the real cines.

    Parameters
    ----------
    real, synthetic : CineFolder
        What is compared.
    resample : bool
        Whether voxel size and number of frames may differ.
    size : int, optional
        Rows and columns wanted; the median of the real cines' where None.
    multiple : sequence of 2 ints
        What rows and columns are rounded up to, the extractor's patch.

    Raises
    ------
    SynthaugError
        Cines differ and may not, or are to be resampled and a header lost its voxel size.
    """
    cines = [*real.cines, *synthetic.cines]
    for cine in cines:
        if not resample:
            _refuse_mixed(cines[0], cine)
        elif is_lost(cine.spacing_mm):
            raise SynthaugError(
                f"{cine.path}: cannot be resampled, its header lost the voxel size; write it into the header"
            )
    spacing = np.median([cine.spacing_mm for cine in real.cines], axis=0)
    spacing[spacing <= 0] = 1.0  # lost, and then nothing is resampled
    lengths = []
    for axis in (1, 2):
        scales = [cine.spacing_mm[axis] / spacing[axis] if resample else 1.0 for cine in real.cines]
        own = [round(cine.shape[axis + 1] * scale) for cine, scale in zip(real.cines, scales, strict=True)]
        wanted = size or math.ceil(np.median(own))
        lengths.append(math.ceil(wanted / multiple[axis - 1]) * multiple[axis - 1])
    z, y, x = spacing.tolist()
    frames = math.ceil(np.median([cine.shape[0] for cine in real.cines]))
    n_slices = max(cine.shape[1] for cine in cines)
    return VoxelGrid(frames, (n_slices, lengths[0], lengths[1]), (z, y, x), resample)


def _refuse_mixed(first: Cine, second: Cine) -> None:
    remedy = "give --resample to bring all to the median of REAL"
    if not np.allclose(first.spacing_mm, second.spacing_mm, rtol=_SAME_SPACING, atol=0):
        raise SynthaugError(
            f"mixed spacing: {first.path} has {spelled(first.spacing_mm)} mm and {second.path} "
            f"{spelled(second.spacing_mm)} mm (z x y x x); {remedy}"
        )
    if first.shape[0] != second.shape[0]:
        raise SynthaugError(
            f"mixed numbers of frames: {first.path} has {first.shape[0]} and {second.path} {second.shape[0]}; {remedy}"
        )


def content_of(folder: CineFolder, grid: VoxelGrid) -> dict[str, Any]:
    """JSON-able identity of a folder's cines on the grid they are brought to.

    Slices stay as they are, so that their largest number, in which the other folder counts as well, is no part of it.
    """
    percentiles = list(PERCENTILES) if folder.kind == "plain" else None
    cines = [[cine.subject, cine.sha256, folder.patients.get(cine.subject)] for cine in folder.cines]
    plane = [grid.frames, *grid.matrix[1:], *grid.spacing_mm, grid.resample]
    return {"view": folder.view, "cines": cines, "percentiles": percentiles, "grid": plane}


def cohort_on_grid(folder: CineFolder, role: str, grid: VoxelGrid, output: Path, threads: int = 1) -> Cohort:
    """The cines of a folder as a cohort on the common grid.

    A cohort that is on it is opened where it lies. Otherwise one is written, unless it was written before.

    Parameters
    ----------
    folder : CineFolder
        What `read_folder` found.
    role : {"real", "synthetic"}
        Kind of the cohort.
    grid : VoxelGrid
        What `common_grid` found.
    output : Path
        Cohorts lie here, each in a folder named after its cines and their grid.
    threads : int
        Cines that are resampled and written at a time.

    Raises
    ------
    SubjectError
        A cine of a plain folder is constant.
    """
    if folder.kind == role and all(map(grid.fits, folder.cines)):
        return Cohort.open(folder.path)
    path = output / f"{role}-{sha256_json(content_of(folder, grid))[:16]}"
    if not (path / "cohort.json").is_file():
        with atomic_folder(path) as place:

            def write(cine: Cine) -> dict[str, Any]:
                array = _on_grid(cine, grid, folder.kind == "plain")
                write_subject(place / f"sub-{cine.subject}", array, {}, grid.spacing_mm)
                row = {"subject": cine.subject, "n_frames": len(array), "n_slices": array.shape[1]}
                return {**row, "patient": folder.patients.get(cine.subject, cine.subject)}

            rows = list(beside(write, folder.cines, _beside(threads)))
            write_cohort(place, folder.name, role, rows, grid.spacing_mm, folder.view)
    return Cohort.open(path)


def _on_grid(cine: Cine, grid: VoxelGrid, plain: bool) -> np.ndarray:
    """Intensities in [0, 1], shape (frames, z, y, x): slices as they were, the middle of the image in the middle."""
    array = read_nifti(cine.path, cine.subject).array.T
    spacing, centre = list(grid.spacing_mm), []  # slices are never resampled
    for axis in (1, 2):
        n, wanted = array.shape[axis + 1], grid.matrix[axis]
        own = cine.spacing_mm[axis]
        if grid.resample and not math.isclose(own, spacing[axis], rel_tol=_SAME_SPACING):
            spacing[axis] = own
            centre.append((n - 1) / 2)
        else:  # half a pixel of shift would blur: an odd pixel goes to the end
            centre.append(int((n - wanted) / 2) + (wanted - 1) / 2)
    window = heart_window(array, spacing, grid.spacing_mm, grid.matrix, (centre[0], centre[1]))
    array = resample_image(array, window.weights)
    array = resample_beat(array, beat_positions(len(array), grid.frames, None)[0])
    if not plain:
        return np.clip(array, 0, 1)
    try:
        return normalise(array, window, PERCENTILES)
    except ValueError:
        problem = "98 % of its voxels have one value"
        raise SubjectError(
            "image-constant", cine.subject, cine.path, problem, "remove the file, or export the cine again"
        ) from None


def spelled(sizes: Sequence[float]) -> str:
    """Sizes as ``8 x 1.5 x 1.5``."""
    return " x ".join(f"{size:.4g}" for size in sizes)


def shortened(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
