"""All phenotypes of one heart, from its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthaug.phenotypes.cavities import measure_cavities
from synthaug.phenotypes.phase import Phase
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.phenotypes.septum import measure_septum
from synthaug.phenotypes.timing import measure_ejection_and_filling, measure_timing
from synthaug.phenotypes.volumes_and_mass import measure_volumes_and_mass
from synthaug.phenotypes.wall import measure_wall
from synthaug.views import NO_VOLUMES, SHORT_AXIS, View, has_volumes

_NAN = float("nan")


def measure_phenotypes(
    label_cine: np.ndarray,
    spacing_mm: Sequence[float],
    labelled: Sequence[int],
    ed_frame: int | None,
    es_frame: int | None,
    frame_duration_s: float | None = None,
    view: View = SHORT_AXIS,
) -> dict[str, float]:
    """Every phenotype of the registry, of one heart.

    Parameters
    ----------
    label_cine : ndarray, shape (t, z, y, x)
        Canonical labels of one whole beat in canonical orientation: slices from base to apex, the right ventricle
        at small x, the anterior wall at small y.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x), slice gaps included.
    labelled : sequence of int
        Frames with labels; the content of others is not read.
    ed_frame, es_frame : int or None
        None where unknown.
    frame_duration_s : float, optional
        Time from one frame to the next; None where unknown.
    view : {"short_axis", "long_axis", "other"}
        What the labels are of. Of a long-axis slice only times are known.

    Returns
    -------
    dict of str to float
        Every name of `synthaug.phenotypes.registry.PHENOTYPES`, in its order and units. NaN is unknown, and nothing
        is imputed: `explain_missing` says why.

    Raises
    ------
    ValueError
        The labels are not (t, z, y, x), a frame is not one of the cine, or a length or duration is not positive.
    """
    ed, es = _phases(label_cine, spacing_mm, labelled, ed_frame, es_frame)
    if frame_duration_s is not None and not 0 < frame_duration_s < np.inf:
        raise ValueError(f"the frame duration is {frame_duration_s:g} s; it must be above 0, or None")
    frame_s = _NAN if frame_duration_s is None else frame_duration_s
    with np.errstate(invalid="ignore", divide="ignore"):
        found = measure_timing(len(label_cine), ed_frame, es_frame, frame_s)
        if has_volumes(view):
            found |= measure_volumes_and_mass(ed, es, len(label_cine) * frame_s)
            found |= measure_cavities(ed, es)
            found |= measure_wall(ed, es, found.get("lv_diameter_basal_ed_mm", _NAN))
            found |= measure_septum(ed, es)
            found |= measure_ejection_and_filling(
                label_cine, spacing_mm, labelled, ed_frame, es_frame, frame_s
            )
            for side in ("lv", "rv"):
                found[f"{side}_mean_ejection_rate_ml_s"] = 1000 * found[f"{side}_sv_ml"] / found["systole_ms"]
    return {name: float(found.get(name, _NAN)) for name in PHENOTYPES}


def explain_missing(
    measured: Mapping[str, float],
    label_cine: np.ndarray,
    spacing_mm: Sequence[float],
    labelled: Sequence[int],
    ed_frame: int | None,
    es_frame: int | None,
    frame_duration_s: float | None = None,
    view: View = SHORT_AXIS,
) -> list[str]:
    """Why phenotypes are missing: what the labels of this heart lack.

    Parameters
    ----------
    measured : mapping of str to float
        What `measure_phenotypes` returned for the same arguments.
    label_cine, spacing_mm, labelled, ed_frame, es_frame, frame_duration_s, view
        As `measure_phenotypes`.

    Returns
    -------
    list of str
        One reason an entry; none where nothing is missing.
    """
    if not np.isnan(list(measured.values())).any():
        return []
    unknown_duration = ["the frame duration is unknown"] if frame_duration_s is None else []
    if not has_volumes(view):
        return [NO_VOLUMES, *unknown_duration]
    reasons = []
    phases = _phases(label_cine, spacing_mm, labelled, ed_frame, es_frame)
    for name, phase in zip(("ED", "ES"), phases, strict=True):
        if phase is None:
            reasons.append(f"{name} is not labelled")
            continue
        for structure in ("LV", "MYO", "RV"):
            if phase.is_absent(structure):
                reasons.append(f"no {structure} at {name}")
            elif phase.is_cut(structure):
                reasons.append(f"the image cuts the {structure} at {name}")
            elif structure != "MYO" and phase.is_open_at_apex(structure):
                reasons.append(f"the stack ends inside of the {structure} at {name}")
        if len(phase.rays.slices) and len(set(phase.rays.third)) < 3:
            reasons.append(f"fewer than 3 slices with a cavity at {name}")
        elif not phase.is_absent("RV") and not phase.rays.septal.any():
            reasons.append(f"no septum between LV and RV at {name}")
    if set(labelled) != set(range(len(label_cine))):
        reasons.append("not all frames are labelled")
    else:
        others = [
            Phase(frame, spacing_mm)
            for number, frame in enumerate(label_cine)
            if number not in (ed_frame, es_frame)
        ]
        reasons += [
            f"the {side} is absent from a frame, or the image cuts it there"
            for side in ("LV", "RV")
            if not all(phase.is_whole(side) for phase in others)
        ]
    return reasons + unknown_duration


def _phases(
    label_cine: np.ndarray,
    spacing_mm: Sequence[float],
    labelled: Sequence[int],
    ed_frame: int | None,
    es_frame: int | None,
) -> tuple[Phase | None, Phase | None]:
    if label_cine.ndim != 4:
        raise ValueError(f"labels of shape (t, z, y, x) are needed; their shape is {label_cine.shape}")
    if len(spacing_mm) != 3 or not all(0 < size < np.inf for size in spacing_mm):
        raise ValueError(f"spacing {tuple(spacing_mm)} is not three positive lengths in mm")
    for frame in (ed_frame, es_frame, *labelled):
        if frame is not None and not 0 <= frame < len(label_cine):
            raise ValueError(f"frame {frame} is not one of {len(label_cine)}")
    ed, es = (
        None if frame is None or frame not in labelled else Phase(label_cine[frame], spacing_mm)
        for frame in (ed_frame, es_frame)
    )
    return ed, es
