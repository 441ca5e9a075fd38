"""A small beating heart in a four-chamber slice, and its raw files as M&Ms-2 has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from raw_files import affine, save

from synthaug.labels import LV, MYO, RV

N_FRAMES, ES, SIZE = 8, 3, 64
PIXEL_MM = 2.5
#: (right, anterior, superior): stored this way, a slice is displayed as it is.
LEFT, BACK, UP = (-1, 0, 0), (0, -1, 0), (0, 0, 1)
#: First row of the myocardium, which is open towards the atrium below it.
VALVE = 44


def four_chambers() -> tuple[np.ndarray, np.ndarray]:
    """Image and labels (t, 1, y, x), ED in frame 0: apex up, the LV a half ellipse that is open at the valve.

    The wall is a half ellipse around the cavity, the RV a box on the left of it, and blood without label lies below.
    """
    y, x = np.indices((SIZE, SIZE))
    labels = np.zeros((N_FRAMES, 1, SIZE, SIZE), np.uint8)
    image = np.full(labels.shape, 200.0, np.float32)
    for frame in range(N_FRAMES):
        beat = np.interp(frame, [0, ES, N_FRAMES], [1, 0.75, 1])
        above = y < VALVE
        cavity = above & (((x - 34) / (9 * beat)) ** 2 + ((y - VALVE) / (26 * beat)) ** 2 < 1)
        wall = above & (((x - 34) / 13) ** 2 + ((y - VALVE) / 32) ** 2 < 1)
        right = above & (y > 24) & (x > 21 - 7 * beat) & (x <= 21)
        atrium = (y >= VALVE) & (((x - 32) / 11) ** 2 + ((y - VALVE) / (9 * (2 - beat))) ** 2 < 1)
        for where, label, intensity in ((wall, MYO, 300.0), (right, RV, 880.0), (cavity, LV, 900.0)):
            labels[frame, 0][where] = label
            image[frame, 0][where] = intensity
        image[frame, 0][atrium] = 890.0
    return image + 20.0 * (x % 3), labels


def write_long_axis(root: Path, subject: str = "001", voxel=(PIXEL_MM, PIXEL_MM, 8.0), **axes) -> Path:
    """Cine (ED in frame 2), ED, ES and their labels of the long axis alone; gives the subject's folder."""
    axes = {"x": LEFT, "y": BACK, "z": UP} | axes
    image, labels = four_chambers()
    folder, matrix = root / "dataset" / subject, affine(**axes, voxel=voxel)
    save(folder / f"{subject}_LA_CINE.nii.gz", np.roll(image, 2, axis=0).T, matrix)
    for phase, frame in (("ED", 0), ("ES", ES)):
        save(folder / f"{subject}_LA_{phase}.nii.gz", image[frame].T, matrix)
        save(folder / f"{subject}_LA_{phase}_gt.nii.gz", labels[frame].T, matrix, np.uint8)
    return folder
