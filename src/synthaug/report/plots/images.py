"""Pictures of cines: sprite sheets for the player and still montages, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

#: LV, MYO and RV in overlays: told apart without red and green, on grey.
OVERLAY = {1: (64, 170, 235), 2: (245, 180, 60), 3: (215, 110, 190)}
#: Box around what a picture is about; thicker than a contour.
_BOX, _BOX_PIXELS = (230, 60, 60), 2
#: Heat, and the contour of what it is compared with.
_HEAT, _REGION = (250, 140, 20), (64, 170, 235)
#: Grey levels kept: what the eye resolves in a player, at two thirds of the bytes.
GREY_LEVELS = 64


def cine_sheet(cine: np.ndarray) -> bytes:
    """Sprite sheet of a cine: a column a frame, a row a slice.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].

    Returns
    -------
    bytes
        Grey PNG of size (z * y, t * x).
    """
    steps = np.round(np.clip(_sheet(cine), 0, 1) * (GREY_LEVELS - 1))
    return _png(np.round(steps * (255 / (GREY_LEVELS - 1))).astype(np.uint8))


def mask_sheet(labels: np.ndarray) -> bytes:
    """Sprite sheet of masks in the overlay's colours; what is no structure is transparent.

    Parameters
    ----------
    labels : ndarray, shape (t, z, y, x)
        Canonical labels; unlabelled frames stay empty.

    Returns
    -------
    bytes
        Palette PNG of size (z * y, t * x).
    """
    from PIL import Image

    sheet = _sheet(labels)
    image = Image.fromarray(np.where(np.isin(sheet, list(OVERLAY)), sheet, 0).astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, *(value for label in sorted(OVERLAY) for value in OVERLAY[label])])
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True, transparency=0)
    return stream.getvalue()


def montage(
    pictures: Sequence[Sequence[tuple[np.ndarray, np.ndarray | None]]],
    scale: int = 2,
    boxed: Sequence[Sequence[np.ndarray]] | None = None,
) -> bytes:
    """Still pictures in rows, with the contours of their masks.

    Parameters
    ----------
    pictures : sequence of rows, each a sequence of (image, labels)
        Images of shape (y, x) in [0, 1]; labels of the same shape, or None. All images
        have one shape; short rows are filled with blanks.
    scale : int
        Pixels a voxel; contours are one pixel wide, hence finer than a voxel.
    boxed : sequence of rows, each a sequence of ndarray of bool, shape (y, x), optional
        Region of each picture, in a red box; no box around an empty one.

    Returns
    -------
    bytes
        Colour PNG.
    """
    height, width = (scale * side for side in pictures[0][0][0].shape)
    columns = max(len(row) for row in pictures)
    gap = 2
    canvas = np.full(
        (len(pictures) * (height + gap) - gap, columns * (width + gap) - gap, 4), (0, 0, 0, 0), np.uint8
    )
    for i, row in enumerate(pictures):
        for j, (image, labels) in enumerate(row):
            tile = _outlined(image, labels, scale)
            if boxed is not None:
                _box(tile, boxed[i][j], scale)
            canvas[i * (height + gap) :][:height, j * (width + gap) :][:, :width] = tile
    return _png(canvas)


def heat_montage(
    pictures: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]], scale: int = 2
) -> bytes:
    """Still pictures in rows under a map, with the contour of a region.

    Parameters
    ----------
    pictures : sequence of rows, each a sequence of (image, heat, region)
        Shape (y, x) each: intensities and heat in [0, 1], a mask. All have one shape, rows are equally long.
    scale : int
        Pixels a voxel.

    Returns
    -------
    bytes
        Colour PNG; a voxel of heat 1 is orange, one of heat 0 is grey.
    """
    from scipy.ndimage import binary_erosion

    rows = []
    for row in pictures:
        tiles = []
        for image, heat, region in row:
            grey, warm, inside = (
                np.kron(part, np.ones((scale, scale))) for part in (image, heat, region.astype(float))
            )
            strength = 0.75 * np.clip(warm, 0, 1)[..., None]
            tile = (1 - strength) * np.clip(grey, 0, 1)[..., None] * 255 + strength * np.array(_HEAT)
            edge = (inside > 0) & ~binary_erosion(inside > 0)
            tile[edge] = _REGION
            tiles.append(np.pad(tile, ((0, 2), (0, 2), (0, 0)), constant_values=255))
        rows.append(np.concatenate(tiles, axis=1))
    return _png(np.concatenate(rows).round().astype(np.uint8))


def _outlined(image: np.ndarray, labels: np.ndarray | None, scale: int) -> np.ndarray:
    grey = np.round(np.clip(np.kron(image, np.ones((scale, scale))), 0, 1) * 255).astype(np.uint8)
    tile = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    if labels is not None:
        from scipy.ndimage import binary_erosion

        large = np.kron(labels, np.ones((scale, scale), labels.dtype))
        for label, tone in OVERLAY.items():
            inside = large == label
            tile[inside & ~binary_erosion(inside)] = (*tone, 255)
    return tile


def _box(tile: np.ndarray, region: np.ndarray, scale: int) -> None:
    """Draw a box around the region's voxels, one voxel away from them where the picture has room."""
    if not region.any():
        return
    sides = []
    for axis in (0, 1):
        held = np.flatnonzero(region.any(axis=1 - axis))
        sides.append(slice(scale * max(held[0] - 1, 0), scale * min(held[-1] + 2, region.shape[axis])))
    frame = np.ones([side.stop - side.start for side in sides], bool)
    frame[_BOX_PIXELS:-_BOX_PIXELS, _BOX_PIXELS:-_BOX_PIXELS] = False
    tile[*sides][frame] = (*_BOX, 255)


def _sheet(volume: np.ndarray) -> np.ndarray:
    t, z, y, x = volume.shape
    return volume.transpose(1, 2, 0, 3).reshape(z * y, t * x)


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()
