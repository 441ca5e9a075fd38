"""The bias field of the coils: estimated on the mean of all frames and divided out of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import map_coordinates, zoom

#: Distance of the pixels on which the field is estimated: it changes over centimetres.
_PIXEL_MM = 5.0
_ITERATIONS = (30, 20, 10)


def bias_field(cine: np.ndarray, inside: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Smooth field by which the coils weight the tissue, with mean 1 where there is signal.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in any unit.
    inside : ndarray, shape (y, x), bool
        What was imaged.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    ndarray, shape (z, y, x), float32
        Divide by it.

    References
    ----------
    Tustison et al., IEEE TMI 29(6), 2010 (N4), as SimpleITK has it.
    """
    # Imported where it is used: it takes a second, and the default recipe does without.
    import SimpleITK as sitk

    mean = cine.mean(axis=0, dtype=np.float32)
    n_z, n_y, n_x = mean.shape
    # One slice, such as a long axis, is taken twice: N4 has no place for its control points along an axis of one pixel.
    shape = (
        max(n_z, 2),
        *(max(round(n * mm / _PIXEL_MM), 4) for n, mm in zip((n_y, n_x), spacing_mm[1:], strict=True)),
    )
    factors = [new / old for new, old in zip(shape, mean.shape, strict=True)]
    # `grid_mode`: a pixel is the area around its place, so that the first and the last one stay within the image.
    coarse = zoom(mean, factors, order=1, mode="nearest", grid_mode=True)
    imaged = zoom(inside.astype(np.float32), factors[1:], order=1, mode="nearest", grid_mode=True) > 0.999
    image = sitk.GetImageFromArray(coarse)
    image.SetSpacing([mm / factor for mm, factor in zip(spacing_mm[::-1], factors[::-1], strict=True)])
    signal = sitk.GetArrayFromImage(sitk.OtsuThreshold(image, 0, 1)) > 0
    mask = sitk.GetImageFromArray((signal & imaged).astype(np.uint8))
    mask.CopyInformation(image)
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetNumberOfThreads(1)  # the same bits on any number of cores
    corrector.SetMaximumNumberOfIterations(_ITERATIONS)
    corrector.SetNumberOfControlPoints([4] * coarse.ndim)
    corrector.Execute(image, mask)
    log_field = sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image))
    places = [(np.arange(n) + 0.5) * factor - 0.5 for n, factor in zip(mean.shape, factors, strict=True)]
    fine = map_coordinates(log_field, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    field = np.exp(fine - log_field[signal & imaged].mean())
    return np.asarray(field, np.float32)
