"""Where the heart is in a cine, from its motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

from synthaug.data.resampling import apply_weights
from synthaug.views import LONG_AXIS, OTHER, SHORT_AXIS, View

_NOISE_MM = 4.0
#: Reach of the search window: about the radius of both ventricles together, and half the heart along its axis.
_HEART_MM = {SHORT_AXIS: 40.0, LONG_AXIS: 60.0}
#: Share of the largest amplitude from which a place counts as moving. Along the axis the valves move most and the apex
#: hardly: with the settings of short axes, windows of 192 mm cut 8 of 40 phantoms, with these none
#: (benchmarks/long_axis_localisation.py).
_MOVING = {SHORT_AXIS: 0.3, LONG_AXIS: 0.15}


def harmonic_amplitude(cine: np.ndarray) -> np.ndarray:
    """Amplitude of the first temporal harmonic of a cine (t, z, y, x) in every voxel, float32."""
    angle = 2 * np.pi * np.arange(len(cine)) / len(cine)
    waves = csr_array(np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32))
    cosine, sine = apply_weights(cine, waves, 0)
    amplitude: np.ndarray = np.hypot(cosine, sine)
    return amplitude


def centre_of_motion(
    cine: np.ndarray, spacing_mm: Sequence[float], view: View = SHORT_AXIS
) -> tuple[float, float]:
    """Centre (y, x), in pixels, of what moves once a cycle.

    The amplitude of the first temporal harmonic is large where the ventricular walls pass,
    and small for noise and for breathing drift spread over all harmonics. Summed over the
    slices and cut at a share of its maximum, so that a pulsing outflow weighs no more than a
    wall, it makes a map on which a mean shift with a window of the size of a heart settles,
    leaving out vessels, bowel and the chest wall beyond.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in any unit.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    view : {"short_axis", "long_axis", "other"}
        Along the axis the search window is larger, and less motion counts. Another organ is not looked for.

    Returns
    -------
    tuple of 2 floats
        Centre in pixels; the middle of the image where nothing moves, as in an image of one frame, and of another organ.

    References
    ----------
    Lin et al., MICCAI 2006 (first harmonic); Comaniciu and Meer, IEEE TPAMI 24(5), 2002 (mean shift).
    """
    middle = (cine.shape[2] - 1) / 2, (cine.shape[3] - 1) / 2
    if view == OTHER:
        return middle
    pixel_mm = np.asarray(spacing_mm[1:], float)
    heart_mm = _HEART_MM[view]
    amplitude = harmonic_amplitude(cine).sum(axis=0).astype(float)
    smooth = gaussian_filter(amplitude, _NOISE_MM / pixel_mm)
    moving = np.where(smooth > _MOVING[view] * smooth.max(), 1.0, 0.0)
    # The harmonic of one frame is the image itself, that of equal frames what rounding leaves of it: bright, not moving.
    if smooth.max() <= 0 or (cine == cine[0]).all():
        return middle
    start = np.unravel_index(np.argmax(gaussian_filter(moving, heart_mm / 2 / pixel_mm)), moving.shape)
    places = np.moveaxis(np.indices(moving.shape), 0, -1) * pixel_mm  # (y, x, 2) in mm
    centre = np.array(start) * pixel_mm
    for _ in range(50):
        window = moving * np.exp(-((places - centre) ** 2).sum(axis=-1) / (2 * heart_mm**2))
        moved = (places * window[..., None]).sum(axis=(0, 1)) / window.sum()
        if np.linalg.norm(moved - centre) < 0.1:
            break
        centre = moved
    y, x = centre / pixel_mm
    return float(y), float(x)
