"""The quality gate: what every accepted synthetic cine shows, measured on its image and, where it has any, masks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from synthaug.config.synthesis import GateSettings
from synthaug.labels import LV, MYO
from synthaug.metrics.agreement import pearson_correlation
from synthaug.metrics.volumes import ejection_fraction, volume_curve_ml
from synthaug.views import SHORT_AXIS, View, has_volumes


@dataclass(frozen=True)
class Check:
    """One comparison of a measurement with its threshold in `GateSettings`."""

    measurement: str
    sense: Literal["at least", "at most", "within"]
    threshold: str
    reason: str


#: Every check by the name under which rejections are counted.
CHECKS: dict[str, Check] = {
    "lv_absent": Check("lv_ml", "at least", "minimum_lv_ml", "a frame has no LV cavity"),
    "myo_absent": Check("myo_ml", "at least", "minimum_myo_ml", "a frame has no myocardium"),
    "lv_in_pieces": Check(
        "largest_lv_piece", "at least", "largest_lv_piece", "the LV cavity falls into separate pieces"
    ),
    "lv_slice_gap": Check(
        "lv_slice_gaps", "at most", "lv_slice_gaps", "slices without LV cavity lie between slices with it"
    ),
    "myo_open": Check(
        "myo_enclosure", "at least", "myo_enclosure", "the myocardium does not surround the LV cavity"
    ),
    "ed_not_first": Check("ed_volume", "at least", "ed_volume", "frame 0 is not end-diastole"),
    "several_systoles": Check(
        "systoles", "at most", "systoles", "the LV contracts more than once in a cycle"
    ),
    "rough_volume_curve": Check(
        "curve_roughness", "at most", "curve_roughness", "the LV volume jitters from frame to frame"
    ),
    "ef_out_of_bounds": Check(
        "ef_percent", "within", "ef_range_percent", "the ejection fraction is not physiological"
    ),
    "lv_slices_shifted": Check(
        "slice_shift_mm", "at most", "slice_shift_mm", "the LV jumps sideways between neighbouring slices"
    ),
    "slices_unrelated": Check(
        "slice_correlation", "at least", "slice_correlation", "neighbouring slices show unrelated images"
    ),
    "flat_image": Check("intensity_span", "at least", "intensity_span", "the image has hardly any contrast"),
    "blood_not_bright": Check(
        "blood_contrast",
        "at least",
        "blood_contrast",
        "blood is not brighter than myocardium under the masks",
    ),
}
#: Rejections for which there is no threshold to choose, because a cohort cannot hold such a cine.
INVALID_IMAGE = {
    "not_finite": "the image has values that are not numbers",
    "out_of_range": "the image has intensities outside 0 to 1",
}
#: Explanation of each reason.
REASONS: dict[str, str] = INVALID_IMAGE | {name: check.reason for name, check in CHECKS.items()}
#: What is measured on every sample.
MEASUREMENTS = tuple(check.measurement for check in CHECKS.values())


def inspect_sample(
    cine: np.ndarray,
    labels: np.ndarray | None,
    spacing_mm: Sequence[float],
    settings: GateSettings,
    view: View = SHORT_AXIS,
) -> tuple[list[str], dict[str, float]]:
    """Judge one synthetic sample.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities; frame 0 should be ED.
    labels : ndarray, shape (t, z, y, x), or None
        Canonical labels of every frame; where there are none, the image alone is judged.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    settings : GateSettings
        Thresholds.
    view : {"short_axis", "long_axis", "other"}
        Of a long-axis slice volumes, ejection fraction and the closed ring of the myocardium are not judged: a structure
        is absent where it has no voxel, and the curve over the cycle is that of the LV's area.

    Returns
    -------
    reasons : list of str
        Names of the checks that failed, among `REASONS`; empty where the sample is accepted.
    measured : dict of str to float
        Every one of `MEASUREMENTS`; NaN where it cannot be measured (then it is not judged: what
        it lacks has a check of its own).
    """
    measured = dict.fromkeys(MEASUREMENTS, float("nan"))
    if not np.isfinite(cine).all():
        return ["not_finite"], measured
    measured |= _measure_image(cine)
    if labels is not None:
        measured |= _measure_curve(labels, spacing_mm) | _measure_shape(labels, spacing_mm)
        measured["blood_contrast"] = _measure_contrast(cine, labels)
        if not has_volumes(view):
            measured |= dict.fromkeys(("ef_percent", "myo_enclosure"), float("nan"))
            # Nothing is 0 mL whatever the view; what there is has no volume.
            measured |= {name: 0.0 if measured[name] == 0 else float("nan") for name in ("lv_ml", "myo_ml")}
    judged = CHECKS.items() if settings.enabled else ()
    reasons = [name for name, check in judged if _fails(check, measured[check.measurement], settings)]
    if cine.min() < 0 or cine.max() > 1:
        reasons.insert(0, "out_of_range")
    return reasons, measured


def _fails(check: Check, value: float, settings: GateSettings) -> bool:
    threshold = getattr(settings, check.threshold)
    if check.sense == "at least":
        return value < threshold
    if check.sense == "at most":
        return value > threshold
    return value < threshold[0] or value > threshold[1]


def _measure_curve(labels: np.ndarray, spacing_mm: Sequence[float]) -> dict[str, float]:
    """LV and myocardial volumes over the cycle."""
    curve = volume_curve_ml(labels, "LV", spacing_mm)
    low, high = float(curve.min()), float(curve.max())
    measured = {
        "lv_ml": low,
        "myo_ml": float(volume_curve_ml(labels, "MYO", spacing_mm).min()),
        "ed_volume": curve[0] / high if high > 0 else float("nan"),
        "ef_percent": ejection_fraction(float(curve[0]), low),
        "systoles": float("nan"),
        "curve_roughness": float("nan"),
    }
    if high > low:
        variation = np.abs(np.diff(curve, append=curve[0])).sum()  # the cycle closes
        measured["curve_roughness"] = float(variation / (2 * (high - low)))
        measured["systoles"] = _count_systoles((curve - low) / (high - low))
    return measured


def _count_systoles(curve: np.ndarray) -> float:
    """Falls from the upper to the lower third of a cyclic curve in [0, 1].

    Two thresholds keep jitter around one of them from counting; it is judged as roughness.
    """
    thirds = np.roll(curve, -int(curve.argmax()))
    levels = [level for level in np.digitize(thirds, [1 / 3, 2 / 3]) if level != 1]
    return float(np.count_nonzero(np.diff(levels) < 0))


def _measure_image(cine: np.ndarray) -> dict[str, float]:
    """Span of the intensities, and correlation of neighbouring slices at ED."""
    low, high = np.percentile(cine, [1, 99])
    correlations = [_correlation(*pair) for pair in itertools.pairwise(cine[0].astype(np.float64))]
    return {
        "intensity_span": float(high - low),
        "slice_correlation": min(correlations, default=float("nan")),
    }


def _measure_contrast(cine: np.ndarray, labels: np.ndarray) -> float:
    """Mean intensity of blood minus that of myocardium; NaN where either is nowhere."""
    blood, wall = cine[labels == LV], cine[labels == MYO]
    return float(blood.mean() - wall.mean()) if blood.size and wall.size else float("nan")


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two slices; 0 where a slice is uniform."""
    correlation = pearson_correlation(first.ravel(), second.ravel())
    return 0.0 if np.isnan(correlation) else correlation


def _measure_shape(labels: np.ndarray, spacing_mm: Sequence[float]) -> dict[str, float]:
    """Connectedness, enclosure and alignment of the LV, each in its worst frame."""
    frames = [_measure_frame(frame, spacing_mm) for frame in labels if (frame == LV).any()]
    if not frames:
        names = ("largest_lv_piece", "lv_slice_gaps", "myo_enclosure", "slice_shift_mm")
        return dict.fromkeys(names, float("nan"))
    pieces, gaps, enclosures, shifts = zip(*frames, strict=True)
    return {
        "largest_lv_piece": min(pieces),
        "lv_slice_gaps": max(gaps),
        "myo_enclosure": min(enclosures),
        "slice_shift_mm": max(shifts),
    }


def _measure_frame(frame: np.ndarray, spacing_mm: Sequence[float]) -> tuple[float, float, float, float]:
    cavity = frame == LV
    (box,) = ndimage.find_objects(cavity.view(np.uint8))
    around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box[1:])
    cavity, frame = cavity[box[0], *around], frame[box[0], *around]

    components, _ = ndimage.label(cavity, np.ones((3, 3, 3)))
    sizes = np.bincount(components.ravel())[1:]
    filled = cavity.any(axis=(1, 2))
    rim = ndimage.binary_dilation(cavity, np.ones((1, 3, 3))) & ~cavity
    enclosure = np.mean(frame[rim] == MYO) if rim.any() else 0.0
    centres = np.array([ndimage.center_of_mass(layer) for layer in cavity[filled]]) * spacing_mm[1:]
    shift = np.linalg.norm(np.diff(centres, axis=0), axis=1).max(initial=0)
    return sizes.max() / sizes.sum(), float(np.count_nonzero(~filled)), float(enclosure), float(shift)
