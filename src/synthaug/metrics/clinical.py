"""What a cardiologist reads off a segmented cine: stroke volume, peak rates, regional wall thickness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from synthaug.labels import LV, MYO, RV

#: Segments of the AHA model without the apical cap, which short-axis slices with a cavity never show.
N_SEGMENTS = 16
#: For the basal, mid and apical third: index of its first segment, number of segments, and the angle
#: in degrees from the anterior insertion into the septum where its (antero)septal segment begins.
_THIRDS = ((0, 6, 0.0), (6, 6, 0.0), (12, 4, 15.0))
#: One ray a degree, counterclockwise as displayed, from the image's right.
_ANGLES = np.arange(360) + 0.5
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


class _Rays(NamedTuple):
    """One slice seen from the cavity's centroid; (360,) each."""

    thickness_mm: np.ndarray  # NaN where the ray meets no wall
    septal: np.ndarray  # the right ventricle lies behind the wall


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
    curve = np.asarray(curve_ml, np.float64)
    if curve.ndim != 1 or len(curve) < 4:
        raise ValueError(f"a volume curve of at least 4 frames is needed; its shape is {curve.shape}")
    if not np.isfinite(curve).all():
        raise ValueError(f"the volume of frame {np.flatnonzero(~np.isfinite(curve))[0]} is not finite")
    if not 0 < frame_duration_s < np.inf:
        raise ValueError(f"the frame duration is {frame_duration_s:g} s; it must be above 0")
    if harmonics < 1:
        raise ValueError(f"{harmonics} harmonics: at least 1 is needed")
    # The Nyquist term of an even number of frames has no phase, hence no derivative: it is left out.
    order = np.arange(min(harmonics, (len(curve) - 1) // 2) + 1)
    angular_rate = 2j * np.pi * order / (len(curve) * frame_duration_s)
    spectrum = np.fft.rfft(curve)[: len(order)] * angular_rate
    rate = np.fft.irfft(spectrum, _POINTS_PER_FRAME * len(curve)) * _POINTS_PER_FRAME
    return PeakRates(float(max(-rate.min(), 0.0)), float(max(rate.max(), 0.0)))


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
    labels = np.asarray(labels_frame)
    if labels.ndim != 3:
        raise ValueError(f"labels of shape (z, y, x) are needed; their shape is {labels.shape}")
    spacing = np.asarray(spacing_mm, np.float64)
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing {tuple(spacing_mm)} is not three positive lengths in mm")
    thickness = np.full(N_SEGMENTS, np.nan)
    slices = np.flatnonzero((labels == LV).any((1, 2)) & (labels == MYO).any((1, 2)))
    if not len(slices):
        return thickness
    rays = [_cast_rays(labels[z], spacing[1:]) for z in slices]
    along = np.stack([ray.thickness_mm for ray in rays])  # (slices, 360)
    extent = slices[-1] - slices[0] + 1
    third_of_slice = 3 * (slices - slices[0] + 0.5) // extent
    insertion = _anterior_insertion(np.stack([ray.septal for ray in rays])[third_of_slice < 2])
    if np.isnan(insertion):
        return thickness
    for third, (first, count, start) in enumerate(_THIRDS):
        sector = (_ANGLES - insertion - start) % 360 // (360 / count)
        # The sector behind the insertion is the second of its third: the first, the anterior one, ends there.
        for index in range(count):
            found = along[third_of_slice == third][:, (sector + 1) % count == index]
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


def _cast_rays(labels: np.ndarray, spacing: np.ndarray) -> _Rays:
    """Follow rays through one slice (y, x) that has both cavity and myocardium."""
    cavity, ventricle = labels == LV, (labels == LV) | (labels == MYO)
    centre = np.argwhere(cavity).mean(0) * spacing
    reach = np.linalg.norm(np.argwhere(ventricle) * spacing - centre, axis=1).max() + 2 * spacing.max()
    radii = np.arange(0, reach, spacing.min() / 4)
    # Displayed rows go down, angles up.
    direction = np.stack([-np.sin(np.deg2rad(_ANGLES)), np.cos(np.deg2rad(_ANGLES))])

    def sample(image: np.ndarray, at: np.ndarray, order: int) -> np.ndarray:
        """Values at distances (360, n) or (n,) from the centre, in mm along every ray; shape (360, n)."""
        at = np.broadcast_to(at, (len(_ANGLES), np.shape(at)[-1]))
        points = (centre[:, None, None] + direction[:, :, None] * at) / spacing[:, None, None]
        return ndimage.map_coordinates(image, points, order=order, mode="nearest")

    # The image ends half a voxel beyond its last centre. No ray is parallel to an axis.
    last = np.where(direction > 0, np.array(labels.shape)[:, None] - 0.5, -0.5) * spacing[:, None]
    on_image = ((last - centre[:, None]) / direction).min(0)[:, None]

    def exits(mask: np.ndarray) -> np.ndarray:
        """Distances (360, steps) at which rays leave a mask; NaN for steps that do not."""
        level = sample(_signed_distance(mask, spacing), radii, order=1)
        before, after = level[:, :-1], level[:, 1:]
        leaves = (before >= 0) & (after < 0) & (radii[1:] < on_image)
        share = np.divide(before, before - after, out=np.full_like(before, np.nan), where=leaves)
        return radii[:-1] + share * np.diff(radii)

    inner = np.fmax.reduce(exits(cavity), axis=1)
    outer = exits(ventricle)
    outer = np.fmin.reduce(np.where(outer >= inner[:, None], outer, np.nan), axis=1)
    met = np.isfinite(outer)
    halfway = np.where(met, (inner + outer) / 2, 0.0)[:, None]
    wall = met & (sample(labels, halfway, order=0)[:, 0] == MYO)
    behind = np.where(met, outer, 0.0)[:, None] + spacing.max() * np.arange(0.25, 1.51, 0.25)
    septal = met & (sample(labels, behind, order=0) == RV).any(1)
    return _Rays(np.where(wall, outer - inner, np.nan), septal)


def _signed_distance(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance in mm to the nearest voxel of the other kind, positive inside: 0 halfway between both."""
    inside, outside = (ndimage.distance_transform_edt(kind, sampling=spacing) for kind in (mask, ~mask))
    return inside - outside


def _anterior_insertion(septal: np.ndarray) -> float:
    """Angle in degrees of the septum's anterior end, from (slices, 360) septal rays; NaN without any."""
    septal = septal[septal.any(1)]
    if not len(septal):
        return float("nan")
    middle = np.angle((septal * np.exp(1j * np.deg2rad(_ANGLES))).sum(), deg=True)
    from_middle = (_ANGLES - middle + 180) % 360 - 180
    # Of a slice with a stray voxel of the right ventricle the median takes no notice.
    return float(middle + np.median(np.where(septal, from_middle, np.inf).min(1)))
