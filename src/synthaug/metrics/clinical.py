"""What a cardiologist reads off a segmented cine: stroke volume, peak rates, regional wall thickness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthaug.metrics.short_axis_rays import ANGLES, ShortAxisRays, anterior_insertion, cast_rays

#: Segments of the AHA model without the apical cap, which short-axis slices with a cavity never show.
N_SEGMENTS = 16
#: For the basal, mid and apical third: index of its first segment, number of segments, and the angle
#: in degrees from the anterior insertion into the septum where its (antero)septal segment begins.
THIRDS = ((0, 6, 0.0), (6, 6, 0.0), (12, 4, 15.0))
#: Points at which the interpolated volume curve is differentiated, per frame.
_POINTS_PER_FRAME = 64


class PeakRates(NamedTuple):
    """Fastest emptying and filling of a ventricle, both positive.

    Attributes
    ----------
    peak_ejection_rate_ml_per_s : float
        Largest rate at which the volume falls.
    peak_filling_rate_ml_per_s : float
        Largest rate at which it rises, early or atrial, whichever is the faster.
    """

    peak_ejection_rate_ml_per_s: float
    peak_filling_rate_ml_per_s: float


def stroke_volume_ml(edv: float, esv: float) -> float:
    """Stroke volume EDV - ESV in mL; NaN where EDV is unknown or not positive, or ESV is unknown."""
    return edv - esv if edv > 0 else float("nan")


def peak_rates(curve_ml: np.ndarray, frame_duration_s: float, harmonics: int = 5) -> PeakRates:
    """Peak ejection and filling rate of a volume curve over one whole heart beat.

    Parameters
    ----------
    curve_ml : ndarray, shape (t,)
        Volume in every frame, in mL; after the last frame comes the first again.
    frame_duration_s : float
        Time from one frame to the next, in seconds.
    harmonics : int
        Harmonics of the heart rate that are kept; never more than the frames can carry,
        (t - 1) // 2.

    Returns
    -------
    PeakRates
        In mL/s; both 0 where the volume does not change.

    Raises
    ------
    ValueError
        Fewer than 4 frames, a volume that is not finite, a duration that is not positive, or no
        harmonic.

    Notes
    -----
    The curve's truncated Fourier series is differentiated, which is exact for what it keeps. Central
    differences instead scale harmonic k by sin(2 pi k / t) / (2 pi k / t): with 12 frames the third,
    which carries much of early filling, loses a third of its rate, so that cines of different frame
    counts would not compare. The price is that differentiation multiplies the noise of voxel counts by
    k, hence the truncation. Bacharach et al. found the least error with 2 harmonics for systolic
    and, at little noise, with 5 or 6 for diastolic quantities. The default serves the latter:
    fewer harmonics flatten early filling. Rates of different numbers of harmonics do not compare.

    The curve must close. A prospectively gated cine that stops before the end of diastole appears to
    jump back to its first frame, and the filling rate is then that jump's.

    References
    ----------
    Bacharach et al., J. Nucl. Med. 24, 1983.
    """
    if not 0 < frame_duration_s < np.inf:
        raise ValueError(f"the frame duration is {frame_duration_s:g} s; it must be above 0")
    rate = _rate_per_frame(curve_ml, harmonics) / frame_duration_s
    return PeakRates(float(max(-rate.min(), 0.0)), float(max(rate.max(), 0.0)))


def peak_rate_frames(curve_ml: np.ndarray, harmonics: int = 5) -> tuple[float, float]:
    """When a ventricle empties and fills the fastest: the moments of `peak_rates`.

    Parameters
    ----------
    curve_ml : ndarray, shape (t,)
        Volume in every frame of one whole beat.
    harmonics : int
        As in `peak_rates`.

    Returns
    -------
    tuple of 2 floats
        Moment of the peak ejection rate and of the peak filling rate, in frames after frame 0, in [0, t); NaN
        where the volume never falls, or never rises.

    Raises
    ------
    ValueError
        As `peak_rates`.
    """
    rate = _rate_per_frame(curve_ml, harmonics)
    smallest = 1e-9 * np.abs(curve_ml).max()
    moments = (
        rate.argmin() if rate.min() < -smallest else np.nan,
        rate.argmax() if rate.max() > smallest else np.nan,
    )
    return float(moments[0]) / _POINTS_PER_FRAME, float(moments[1]) / _POINTS_PER_FRAME


def _rate_per_frame(curve_ml: np.ndarray, harmonics: int) -> np.ndarray:
    """Derivative of a closed volume curve at `_POINTS_PER_FRAME` moments a frame, in mL a frame."""
    curve = np.asarray(curve_ml, np.float64)
    if curve.ndim != 1 or len(curve) < 4:
        raise ValueError(f"a volume curve of at least 4 frames is needed; its shape is {curve.shape}")
    if not np.isfinite(curve).all():
        raise ValueError(f"the volume of frame {np.flatnonzero(~np.isfinite(curve))[0]} is not finite")
    if harmonics < 1:
        raise ValueError(f"{harmonics} harmonics: at least 1 is needed")
    # The Nyquist term of an even number of frames has no phase, hence no derivative: it is left out.
    order = np.arange(min(harmonics, (len(curve) - 1) // 2) + 1)
    spectrum = np.fft.rfft(curve)[: len(order)] * (2j * np.pi * order / len(curve))
    return np.asarray(np.fft.irfft(spectrum, _POINTS_PER_FRAME * len(curve)) * _POINTS_PER_FRAME)


def wall_thickness_mm(labels_frame: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Mean thickness of the left ventricle's wall in each segment of the AHA's 16-segment model.

    Parameters
    ----------
    labels_frame : ndarray, shape (z, y, x)
        Canonical labels in canonical orientation: slices from base to apex, the right ventricle at
        small x, the anterior wall at small y.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x).

    Returns
    -------
    ndarray, shape (16,)
        In mm; segment n of the model is at index n - 1. NaN where most of a segment has no wall, and
        everywhere where the septum cannot be found: no right ventricle touches the wall in the basal
        and mid thirds, or the frame is not labelled.

    Raises
    ------
    ValueError
        The labels are not (z, y, x), or there are not three positive spacings.

    Notes
    -----
    *Thirds.* The slices from the first to the last with both cavity and myocardium are cut into a basal,
    a mid and an apical third, each slice by its centre. Where the cavity closes, a slice is in none.

    *Septum.* 360 rays leave the centroid of each slice's cavity. A ray is septal where the right
    ventricle begins within 1.5 pixels behind the wall. The anterior insertion is the end of a slice's
    septal rays that comes first when going from the anterior wall into the septum (counterclockwise as
    displayed); the heart's is the median over the basal and mid slices. The apical slices follow
    it, because there the right ventricle is small or absent.

    *Segments.* From the insertion, counterclockwise, 60 degrees each: anteroseptal (2, 8), inferoseptal,
    inferior, inferolateral, anterolateral, anterior (1, 7). The four apical ones have 90 degrees each; the
    septal one (14) has the middle of both septal segments above it as its own, so it begins 15 degrees
    behind the insertion.

    *Thickness.* Along a ray, from the outermost border of the cavity to the next border of cavity and
    myocardium together. Both are zero levels of signed distance maps, interpolated linearly, so they
    lie between voxels. A ray counts only if the voxel halfway is myocardium and the image holds both
    borders: at an open basal ring, or cut by the image's edge, the wall is unknown, not thin. A segment's
    value is the mean over its rays in all its slices, if at least half of them count. Rays of a cavity
    that is not round, or is cut, meet the wall obliquely: they are longer than the shortest way
    through it.

    References
    ----------
    Cerqueira et al., Circulation 105, 2002.
    """
    return segment_thickness_mm(cast_rays(labels_frame, spacing_mm))


def segment_thickness_mm(rays: ShortAxisRays) -> np.ndarray:
    """Mean thickness in each segment of the 16-segment model, from rays; see `wall_thickness_mm`.

    Parameters
    ----------
    rays : ShortAxisRays
        From `cast_rays`.

    Returns
    -------
    ndarray, shape (16,)
        In mm; NaN as in `wall_thickness_mm`.
    """
    thickness = np.full(N_SEGMENTS, np.nan)
    insertion = anterior_insertion(rays.septal[rays.third < 2])
    if np.isnan(insertion):
        return thickness
    for third, (first, count, start) in enumerate(THIRDS):
        sector = (ANGLES - insertion - start) % 360 // (360 / count)
        # The sector behind the insertion is the second of its third: the first, the anterior one, ends there.
        for index in range(count):
            found = rays.thickness_mm[rays.third == third][:, (sector + 1) % count == index]
            # A ray that grazes the end of an open wall measures that end, not the wall.
            if 2 * np.count_nonzero(~np.isnan(found)) >= max(found.size, 1):
                thickness[first + index] = np.nanmean(found)
    return thickness


def wall_thickening(ed_labels: np.ndarray, es_labels: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Systolic wall thickening in each segment of the AHA's 16-segment model.

    Parameters
    ----------
    ed_labels, es_labels : ndarray, shape (z, y, x)
        Canonical labels at end-diastole and end-systole, in canonical orientation.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x).

    Returns
    -------
    ndarray, shape (16,)
        100 (ES - ED) / ED of the thickness, in percent. NaN where either has none.

    Raises
    ------
    ValueError
        As `wall_thickness_mm`.

    Notes
    -----
    Thirds and insertion are found in each phase by itself: the base descends in systole and the
    heart twists, and segments are to follow the tissue.

    References
    ----------
    Cerqueira et al., Circulation 105, 2002.
    """
    ed, es = (wall_thickness_mm(labels, spacing_mm) for labels in (ed_labels, es_labels))
    return 100 * (es - ed) / ed
