"""Contours of a structure as text files, and the pixels inside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.draw import polygon2mask


def read_contour(file: Path) -> np.ndarray:
    """Points of a contour file, a line a point: column, then row.

    Returns
    -------
    ndarray, shape (n, 2)
        In the file's own coordinates.

    Raises
    ------
    ValueError
        The file has fewer than three points, or something else than two numbers in a line.
    OSError
        The file cannot be read.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").replace(",", " ").splitlines()
    points = np.array([[float(entry) for entry in line.split()] for line in lines if line.strip()])
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise ValueError("has fewer than three points of two numbers")
    return points


def pixels_inside(points: np.ndarray, shape: tuple[int, int], first_pixel: float) -> np.ndarray:
    """Pixels whose centre a contour encloses.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Column and row; the contour is closed by itself.
    shape : tuple of 2 ints
        Rows and columns of the image.
    first_pixel : float
        Coordinate of the centre of the first pixel: 1 where pixels count as in MATLAB, 0 as in C, 0.5 where the image's
        corner is 0.

    Returns
    -------
    ndarray, shape (rows, columns), bool
    """
    return np.asarray(polygon2mask(shape, points[:, ::-1] - first_pixel), bool)
