"""Heart rate, phases of the beat, and rates of ejection and filling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.metrics.clinical import peak_rate_frames, peak_rates
from synthaug.metrics.volumes import volume_curve_ml
from synthaug.phenotypes.phase import Phase, ratio

_NAN = float("nan")


def measure_timing(
    n_frames: int, ed_frame: int | None, es_frame: int | None, frame_s: float
) -> dict[str, float]:
    """Phenotypes of the group *time*.

    Parameters
    ----------
    n_frames : int
        Frames of the cine, which is one beat.
    ed_frame, es_frame : int or None
        None where unknown. ED and ES in one frame leave the phases unknown.
    frame_s : float
        Duration of a frame in seconds; NaN where unknown.

    Returns
    -------
    dict of str to float
    """
    systole = _NAN
    if ed_frame is not None and es_frame is not None and ed_frame != es_frame:
        systole = float((es_frame - ed_frame) % n_frames)
    return {
        "heart_rate_bpm": 60 / (n_frames * frame_s),
        "es_phase": systole / n_frames,
        "systole_ms": 1000 * systole * frame_s,
        "diastole_ms": 1000 * (n_frames - systole) * frame_s,
    }


def measure_ejection_and_filling(
    label_cine: np.ndarray,
    spacing_mm: Sequence[float],
    labelled: Sequence[int],
    ed_frame: int | None,
    es_frame: int | None,
    frame_s: float,
) -> dict[str, float]:
    """Phenotypes of the group *ejection and filling* that need the whole volume curve.

    Parameters
    ----------
    label_cine, spacing_mm, labelled, ed_frame, es_frame
        As `synthaug.phenotypes.measure.measure_phenotypes`.
    frame_s : float
        Duration of a frame in seconds; NaN where unknown.

    Returns
    -------
    dict of str to float
        None of a ventricle that is cut by the image or absent in some frame, or if a frame has no labels or there are
        fewer than 4.

    Notes
    -----
    The curve must close: see `synthaug.metrics.clinical.peak_rates`.
    """
    n_frames = len(label_cine)
    if set(labelled) != set(range(n_frames)) or n_frames < 4 or ed_frame is None:
        return {}
    found: dict[str, float] = {}
    for side in ("LV", "RV"):
        curve = volume_curve_ml(label_cine, side, spacing_mm)
        cut = any(Phase(frame, spacing_mm).is_cut(side) for frame in label_cine)
        if not cut and curve.min() > 0:
            found |= _of_curve(side.lower(), curve, ed_frame, es_frame, frame_s)
    return found


def _of_curve(
    side: str, curve: np.ndarray, ed_frame: int, es_frame: int | None, frame_s: float
) -> dict[str, float]:
    n_frames = len(curve)
    edv, esv = curve[ed_frame], _NAN if es_frame is None else curve[es_frame]
    per_frame, moments = peak_rates(curve, 1.0), peak_rate_frames(curve)
    starts = {"ejection": ed_frame, "filling": _NAN if es_frame is None else es_frame}
    found: dict[str, float] = {}
    for phase, rate, moment in zip(starts, per_frame, moments, strict=True):
        found |= {
            f"{side}_peak_{phase}_rate_ml_s": rate / frame_s,
            f"{side}_peak_{phase}_rate_edv_s": rate / frame_s / edv,
            f"{side}_peak_{phase}_rate_edv_beat": rate * n_frames / edv,
            f"{side}_peak_{phase}_time_ms": 1000 * ((moment - starts[phase]) % n_frames) * frame_s,
            f"{side}_peak_{phase}_phase": (moment - ed_frame) % n_frames / n_frames,
        }
    if es_frame is not None and es_frame != ed_frame:
        third = es_frame + (ed_frame - es_frame) % n_frames / 3
        volume = np.interp(third, np.arange(n_frames), curve, period=n_frames)
        found[f"{side}_first_third_filling"] = 100 * ratio(volume - esv, edv - esv)
    return {name: float(value) for name, value in found.items()}
