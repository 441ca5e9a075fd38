"""Quality of a cine without a reference: signal-to-noise ratio and width of edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter

#: Fourth difference over the frames. Of white noise of variance 1 it has variance 1 + 16 + 36 + 16 + 1 = 70; of a
#: motion with n frames a harmonic it leaves (2 - 2 cos(2 pi / n))^4 / 70 of the power: 1e-3 at 10 frames.
_DIFFERENCE = (1.0, -4.0, 6.0, -4.0, 1.0)
_DIFFERENCE_VARIANCE = 70.0
#: Frames from which the difference has five different ones, and one more.
FEWEST_FRAMES = 6
#: Median of |x| of a normal variable of standard deviation 1.
_NORMAL_MEDIAN = 0.6744897501960817
#: Percentile of a region of 40 mm radius that is its blood: both cavities fill more than a third of it.
_BLOOD_PERCENTILE = 80.0
#: Share of the blood's signal above which noise is measured: magnitudes of air are not normally distributed.
_TISSUE = 0.3
#: Steepest share of a region's pixels, taken as edges.
_EDGES = 0.05
#: Reach around an edge in which both plateaus are looked for; a myocardium is 6 to 12 mm thick.
_REACH_MM = 6.0
#: Percentiles that are the two plateaus: single noisy pixels are no plateau.
_PLATEAUS = (10.0, 90.0)


def signal_to_noise(cine: np.ndarray, region: np.ndarray) -> float:
    """Signal of the blood over the temporal noise.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Magnitudes in any unit, one cardiac cycle: the first frame follows the last one.
    region : ndarray, shape (y, x), bool
        Where the heart is.

    Returns
    -------
    float
        S / s. S is the 80th percentile of the mean over frames. s is median |d| / (0.6745 sqrt(70)), with d the fourth
        difference over frames in pixels above 0.3 S. NaN with fewer than 6 frames, or without noise.

    Notes
    -----
    Noise that is correlated over frames (view sharing, interpolated phases) is underestimated.

    References
    ----------
    Dietrich et al., J. Magn. Reson. Imaging 26, 2007 (noise from differences of repeated images); Donoho and Johnstone,
    Biometrika 81, 1994 (median absolute deviation).
    """
    values = np.asarray(cine, np.float32)[:, :, region]  # (t, z, pixels)
    if len(values) < FEWEST_FRAMES or not values.size:
        return float("nan")
    mean = values.mean(axis=0)
    signal = float(np.percentile(mean, _BLOOD_PERCENTILE))
    tissue = values[:, mean > _TISSUE * signal]
    if not tissue.size:
        return float("nan")
    difference = sum(
        factor * np.roll(tissue, shift, axis=0)
        for factor, shift in zip(_DIFFERENCE, range(-2, 3), strict=True)
    )
    noise = float(np.median(np.abs(difference))) / (_NORMAL_MEDIAN * _DIFFERENCE_VARIANCE**0.5)
    return signal / noise if noise > 0 else float("nan")


def edge_width_mm(frame: np.ndarray, region: np.ndarray, pixel_mm: Sequence[float]) -> float:
    """Width of the sharpest edges: the distance in which the intensity rises from one plateau to the other.

    Parameters
    ----------
    frame : ndarray, shape (z, y, x)
        Magnitudes of one frame, in any unit.
    region : ndarray, shape (y, x), bool
        Where the heart is.
    pixel_mm : sequence of 2 floats
        Pixel size (y, x).

    Returns
    -------
    float
        Median of H / g over the crests (largest of 3 x 3 pixels) among the steepest 5 % of the pixels: g is the gradient, H
        the distance from the 10th to the 90th percentile within 6 mm. A step blurred by a Gaussian has H / g = sqrt(2 pi) sd, which is 0.98 of its 10 % to 90 %
        rise. Beyond 5 mm it is underestimated. NaN where nothing has an edge.

    References
    ----------
    Marziliano et al., Proc. ICIP, 2002 (width of edges, without a reference); Ahmad, Ding and Simonetti, Concepts Magn. Reson. A
    44, 2015 (sharpness of edges in cine MRI).
    """
    y_mm, x_mm = pixel_mm
    reach_y, reach_x = int(_REACH_MM / y_mm), int(_REACH_MM / x_mm)
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    near = np.hypot(y * y_mm, x * x_mm) <= _REACH_MM
    image = np.asarray(frame, np.float32)
    steepness = np.hypot(*np.gradient(image, y_mm, x_mm, axis=(1, 2)))
    inner = np.zeros_like(region)
    inner[reach_y : region.shape[0] - reach_y, reach_x : region.shape[1] - reach_x] = True
    inner &= region
    candidates = steepness[:, inner]
    if not candidates.size:
        return float("nan")
    crest = steepness == maximum_filter(steepness, (1, 3, 3))
    edges = np.argwhere((steepness >= np.quantile(candidates, 1 - _EDGES)) & crest & inner & (steepness > 0))
    if not len(edges):
        return float("nan")
    slices, rows, columns = edges.T
    around = image[
        slices[:, None], rows[:, None] + y[near], columns[:, None] + x[near]
    ]  # (edges, pixels near)
    low, high = np.percentile(around, _PLATEAUS, axis=1)
    return float(np.median((high - low) / steepness[slices, rows, columns]))
