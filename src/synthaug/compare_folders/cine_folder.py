"""A folder of cines as somebody left it: a cohort, or NIfTI files without any table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SubjectError, SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.nifti import NiftiImage, read_nifti

#: Percentiles of a plain cine that become 0 and 1: single bright voxels (flow, coils) must not set the scale.
PERCENTILES = (1.0, 99.0)
#: Relative difference up to which two voxel sizes are one; headers hold them in single precision.
_SAME_SPACING = 1e-3
#: How the public datasets and their users name label files, which may be 4D as well.
_LABELS = re.compile(r"(^|[_.-])(gt|labels?|masks?|seg|segmentations?)\.nii(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Cine:
    """One cine file that was read once and can be read again.

    Attributes
    ----------
    id : str
        The subject in a cohort, the file's path within a plain folder.
    path : Path
        The file.
    shape : tuple of 4 ints
        Frames, slices, rows, columns: (t, z, y, x).
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x), from the header.
    scale : tuple of 2 floats
        Intensities that become 0 and 1.
    sha256 : str
        Hash of the file.
    """

    id: str
    path: Path
    shape: tuple[int, int, int, int]
    spacing_mm: tuple[float, float, float]
    scale: tuple[float, float]
    sha256: str

    def load(self) -> np.ndarray:
        """Intensities in [0, 1], float32, shape (t, z, y, x), as oriented in the file."""
        low, high = self.scale
        return np.clip((_read(self.id, self.path).array.T - low) / (high - low), 0, 1).astype(np.float32)


@dataclass(frozen=True)
class CineFolder:
    """Cines of a folder, in a fixed order.

    Attributes
    ----------
    path : Path
        As the user gave it.
    name : str
        The cohort's name, or the folder's.
    kind : str
        ``"real"`` or ``"synthetic"`` as a cohort says of itself, ``"plain"`` without ``cohort.json``.
    cines : tuple of Cine
        At least one.
    left_out : dict of str to list of str
        Why files were left out, and which.
    """

    path: Path
    name: str
    kind: str
    cines: tuple[Cine, ...]
    left_out: dict[str, list[str]] = field(default_factory=dict)


def read_folder(
    path: str | Path,
    alike: Cine | None = None,
    mixed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CineFolder:
    """Read every cine of a folder once, so that whatever is wrong with one shows before long work starts.

    Parameters
    ----------
    path : path
        A cohort (it has ``cohort.json``), or any folder with 4D NIfTI files (x, y, z, t) at any depth.
        Of a plain folder, label files (named ``*_gt``, ``*_labels``, ...), hidden files and, beside 4D
        ones, 3D files are left out.
    alike : Cine, optional
        What voxel size and number of frames must equal; the folder's first cine where None.
    mixed : bool
        Whether they may differ.
    progress : callable, optional
        Called with the files read and all there are.

    Returns
    -------
    CineFolder

    Raises
    ------
    SynthaugError
        There is no folder or no cine in it, a file is damaged, constant or has values that are not finite,
        or two cines differ where they may not.
    """
    path = Path(path)
    if not path.is_dir():
        raise SynthaugError(f"{path}: no such folder; give a cohort or a folder of 4D NIfTI cines")
    if (path / "cohort.json").is_file():
        cohort = Cohort.open(path)
        folder = CineFolder(path, cohort.name, cohort.kind, ())
        files = {subject: place / "cine.nii.gz" for subject, place in cohort.folders.items()}
    else:
        folder = CineFolder(path, path.resolve().name, "plain", ())
        files = {
            str(file.relative_to(path)): file
            for file in sorted({*path.rglob("*.nii"), *path.rglob("*.nii.gz")})
            if file.is_file() and not file.name.startswith(".")
        }
        labels = [name for name, file in files.items() if _LABELS.search(file.name)]
        files = {name: file for name, file in files.items() if name not in labels}
        if labels:
            folder.left_out["named as labels"] = labels
    cines: list[Cine] = []
    stacks: list[str] = []
    for done, (name, file) in enumerate(files.items(), start=1):
        image = _read(name, file)
        if image.array.ndim == 4:
            cines.append(_survey(name, file, image, folder.kind))
            if not mixed:
                refuse_mixed(alike or cines[0], cines[-1])
        else:
            stacks.append(name)
        if progress is not None:
            progress(done, len(files))
    if not cines:
        raise SynthaugError(_no_cine(path, stacks))
    if stacks:
        folder.left_out["3D"] = stacks
    return replace(folder, cines=tuple(cines))


def refuse_mixed(first: Cine, second: Cine) -> None:
    """Refuse two cines of different voxel size or number of frames, naming both.

    Raises
    ------
    SynthaugError
        With the remedy, resampling.
    """
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


def spelled(sizes: tuple[float, ...]) -> str:
    """Sizes as ``8 x 1.5 x 1.5``."""
    return " x ".join(f"{size:.4g}" for size in sizes)


def _read(name: str, path: Path) -> NiftiImage:
    # An error names subject and file; in a plain folder they are one, and the path says it all.
    return read_nifti(path, name if path.name == "cine.nii.gz" else path.name)


def _survey(name: str, path: Path, image: NiftiImage, kind: str) -> Cine:
    low, high = float(image.array.min()), float(image.array.max())
    if kind == "plain":
        low, high = (float(value) for value in np.percentile(image.array, PERCENTILES))
        if not high > low:
            problem = "98 % of its voxels have one value"
            raise SubjectError(name, path, problem, "remove the file, or export the cine again")
        scale = (low, high)
    elif low < -1e-3 or high > 1 + 1e-3:
        problem = f"intensities are {low:g} to {high:g}, a cohort's are in [0, 1]"
        raise SubjectError(name, path, problem, "harmonise the cohort again, or remove its cohort.json")
    else:
        scale = (0.0, 1.0)
    x, y, z, t = image.array.shape
    size_x, size_y, size_z = image.voxel_size_mm
    return Cine(name, path, (t, z, y, x), (size_z, size_y, size_x), scale, sha256_file(path))


def _no_cine(path: Path, stacks: list[str]) -> str:
    if stacks:
        named = ", ".join(stacks[:3]) + (f" and {len(stacks) - 3} more" if len(stacks) > 3 else "")
        return (
            f"{path}: no 4D cine, only 3D: {named}; give cines with all their frames in one file (x, y, z, t)"
        )
    return (
        f"{path}: no cine in a common format; give a folder with cohort.json or 4D NIfTI files (*.nii, *.nii.gz; "
        "convert DICOM first)"
    )
