"""Picture of one slice with the contours of the reference and of a prediction."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from synthaug.labels import LV, MYO
from synthaug.report.plots.images import GREY_LEVELS, OVERLAY

#: Longer side of a picture in pixels: a heart of 100 mm in a window of 192 mm is as wide as a thumb on a page.
SIDE = 192
_WHITE = GREY_LEVELS + len(OVERLAY)


def slice_picture(
    image: np.ndarray,
    reference: np.ndarray,
    predicted: np.ndarray | None,
    spacing_mm: Sequence[float],
) -> bytes:
    """Draw a slice with contours.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Intensities in [0, 1].
    reference, predicted : ndarray, shape (y, x)
        Canonical labels. With a prediction its contours have the colours of the structures and those of the reference are
        dashed black and white, to be seen on blood and on lung; without, the reference has the colours.
    spacing_mm : sequence of 2 floats
        Pixel size (y, x).

    Returns
    -------
    bytes
        Palette PNG whose longer side is `SIDE` pixels.
    """
    from PIL import Image

    extent_mm = np.array(image.shape) * np.array(spacing_mm)
    height, width = np.maximum(1, np.round(SIDE * extent_mm / extent_mm.max())).astype(int)

    def enlarged(array: np.ndarray, how: Image.Resampling) -> np.ndarray:
        return np.asarray(Image.fromarray(array).resize((int(width), int(height)), how))

    grey = enlarged(np.clip(image, 0, 1).astype(np.float32), Image.Resampling.BICUBIC)
    pixels = np.round(np.clip(grey, 0, 1) * (GREY_LEVELS - 1)).astype(np.uint8)
    drawn = reference
    if predicted is not None:
        drawn = predicted
        dashes = np.add.outer(np.arange(height), np.arange(width)) // 3 % 2
        behind = enlarged(reference.astype(np.uint8), Image.Resampling.NEAREST)
        for label in OVERLAY:
            border = _border(behind, label)
            pixels[border] = dashes[border] * _WHITE
    large = enlarged(drawn.astype(np.uint8), Image.Resampling.NEAREST)
    for index, label in enumerate(OVERLAY):
        pixels[_border(large, label)] = GREY_LEVELS + index
    return _png(pixels)


def _border(labels: np.ndarray, label: int) -> np.ndarray:
    """Border of a structure; of the myocardium the outer one, because the inner one is that of the cavity."""
    from scipy.ndimage import binary_erosion

    inside = np.isin(labels, (LV, MYO)) if label == MYO else labels == label
    outer = inside & ~binary_erosion(inside)
    return outer & (labels == label)


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    greys = np.round(np.arange(GREY_LEVELS) * (255 / (GREY_LEVELS - 1))).astype(int)
    palette = [value for grey in greys for value in (grey,) * 3]
    palette += [value for tone in OVERLAY.values() for value in tone] + [255] * 3
    image = Image.fromarray(pixels, mode="P")
    image.putpalette(palette)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
