"""A small beating heart and the raw files of it, in the layouts the readers know."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from synthaug.labels import LV, MYO, RV

#: In (right, anterior, superior); stored this way an image is in the canonical orientation.
LEFT, POSTERIOR, SUPERIOR = (-1, 0, 0), (0, -1, 0), (0, 0, 1)
ACDC_NUMBERS = {0: 0, LV: 3, MYO: 2, RV: 1}
N_FRAMES, N_SLICES, SIZE = 8, 7, 40


def heart(es: int = 3, centre: tuple[float, float] = (19, 19)) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels (t, z, y, x) of a heart in the canonical orientation, ED in frame 0.

    The LV is a disc, tapering to the apex; the RV a disc on its left in the display, a little lower.
    """
    y, x = np.indices((SIZE, SIZE))
    labels = np.zeros((N_FRAMES, N_SLICES, SIZE, SIZE), np.uint8)
    for frame in range(N_FRAMES):
        beat = np.interp(frame, [0, es, N_FRAMES], [1, 0.7, 1])
        for z in range(N_SLICES):
            size = beat * (1 - 0.08 * z)
            distance = np.hypot(y - centre[0], x - centre[1])
            right = np.hypot(y - centre[0] - 3, x - centre[1] + 10)
            labels[frame, z][right < 6 * size] = RV
            labels[frame, z][distance < 6 * beat + 3] = MYO
            labels[frame, z][distance < 6 * size] = LV
    image = np.choose(labels, [300.0, 900.0, 200.0, 850.0]) + 40.0 * (x % 3)
    return image.astype(np.float32), labels


def affine(x=LEFT, y=POSTERIOR, z=SUPERIOR, voxel=(1.5, 1.5, 10.0)) -> np.ndarray:
    """Affine whose columns are the directions of the array's axes times the voxel size."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([x, y, z], float).T * voxel
    return matrix


def save(path: Path, array: np.ndarray, matrix: np.ndarray | None = None, dtype: type = np.int16) -> Path:
    """Write an array (x, y, z[, t]) as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(array, dtype), affine() if matrix is None else matrix)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def write_acdc(root: Path, name: str = "patient001", group: str = "DCM", labelled: bool = True) -> Path:
    """One ACDC patient with ED in frame 3 and ES in frame 6, counted from 1; gives its folder."""
    folder = root / "training" / name
    image, labels = (np.roll(array, 2, axis=0) for array in heart(es=3))
    save(folder / f"{name}_4d.nii.gz", image.T)
    for frame in (3, 6) if labelled else ():
        numbers = np.vectorize(ACDC_NUMBERS.get)(labels[frame - 1])
        save(folder / f"{name}_frame{frame:02d}.nii.gz", image[frame - 1].T)
        save(folder / f"{name}_frame{frame:02d}_gt.nii.gz", numbers.T, dtype=np.uint8)
    info = f"ED: 3\nES: 6\nGroup: {group}\nHeight: 180.0\nNbFrame: {N_FRAMES}\nWeight: 0\n"
    (folder / "Info.cfg").write_text(info)
    return folder


def write_mnms(root: Path, names: tuple[str, ...] = ("A0S9V9",), extra_rows: str = "") -> Path:
    """M&Ms subjects with ED in frame 2 and ES in frame 5, counted from 0; gives the table."""
    rows = ["External code,VendorName,Vendor,Centre,ED,ES,Age,Pathology,Sex,Height,Weight"]
    for name in names:
        image, labels = (np.roll(array, 2, axis=0) for array in heart(es=3))
        sparse = np.zeros_like(labels)
        sparse[[2, 5]] = labels[[2, 5]]
        folder = root / "Training" / "Labeled" / name
        save(folder / f"{name}_sa.nii.gz", image.T)
        save(folder / f"{name}_sa_gt.nii.gz", sparse.T, dtype=np.uint8)
        rows.append(f"{name},Philips,B,2,2,5,61,ARV,F,,80")
    table = root / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
    table.write_text("\n".join(rows) + "\n" + extra_rows)
    return table


def write_nifti_folder(root: Path, name: str = "01", session: str = "") -> Path:
    """One subject of a BIDS-like folder with a fully labelled cine; gives the cine."""
    folder = root / f"sub-{name}" / (f"ses-{session}" if session else "") / "anat"
    image, labels = heart()
    save(folder / f"sub-{name}_labels.nii.gz", labels.T, dtype=np.uint8)
    return save(folder / f"sub-{name}_cine.nii.gz", image.T)
