"""Quality control of a subject that can be used: what is implausible or incomplete, one sentence a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import label as connected_components

from synthaug.data.findings import Finding
from synthaug.labels import LV, MYO, STRUCTURES
from synthaug.metrics.volumes import cut_structures, measure_function
from synthaug.views import OTHER, SHORT_AXIS, View, has_volumes

#: Fewer slices than base, mid and apex twice over rarely hold a whole ventricle.
FEW_SLICES = 6
#: Extent of a stack in mm: the long axis of small and of dilated left ventricles, with slices above and below.
STACK_MM = (40.0, 220.0)
#: Frames a beat below which end systole, a tenth of the beat long, falls between frames.
FEW_FRAMES = 8
#: Blood over myocardium at ED, in units of the normalised range; bSSFP shows 0.3 and more.
LOW_CONTRAST = 0.1
#: The same without labels: the range that the middle half of all intensities spans.
LOW_SPREAD = 0.05
#: Share of the LV cavity that may lie apart from its main part: a few voxels at an apex.
STRAY_SHARE = 0.05
#: By how much another labelled frame may be larger than ED before the frame is doubted.
LARGER_THAN_ED = 0.1
#: Percent; beyond these even severe failure and hyperdynamic hearts are rare.
PLAUSIBLE_EF = (5.0, 85.0)


def cine_findings(cine: np.ndarray, slice_mm: float, view: View = SHORT_AXIS) -> list[Finding]:
    """Findings in the frames and slices of a cine as it was read.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in any unit.
    slice_mm : float
        Distance of the slices.
    view : {"short_axis", "long_axis", "other"}
        One slice along the axis is no short stack; another organ has neither a stack's length nor an end systole.
    """
    findings = []
    n_frames, n_slices = cine.shape[:2]
    is_stack = view == SHORT_AXIS
    if is_stack and n_slices < FEW_SLICES:
        findings.append(Finding("slices-few", f"only {n_slices} slices", "a ventricle may not be whole"))
    if is_stack and n_slices > 1 and not STACK_MM[0] <= n_slices * slice_mm <= STACK_MM[1]:
        problem = f"{n_slices} slices of {slice_mm:.3g} mm span {n_slices * slice_mm:.0f} mm"
        findings.append(
            Finding("stack-length", problem, f"a ventricle needs {STACK_MM[0]:g} to {STACK_MM[1]:g} mm")
        )
    if 1 < n_frames < FEW_FRAMES and view != OTHER:
        findings.append(
            Finding("frames-few", f"only {n_frames} frames", "end systole may lie between two of them")
        )
    high, low = cine.max(axis=(2, 3)), cine.min(axis=(2, 3))  # of each slice in each frame
    empty = np.flatnonzero(high.max(axis=0) == low.min(axis=0)).tolist()
    if empty and len(empty) < n_slices:
        findings.append(
            Finding("slices-empty", f"slices at an end of the stack show nothing: {_listed(empty)}", "kept")
        )
    constant = np.flatnonzero(high.max(axis=1) == low.min(axis=1)).tolist()
    if constant:
        findings.append(
            Finding("frames-constant", f"frames without any contrast: {_listed(constant)}", "they are kept")
        )
    repeated = [
        frame
        for frame in range(n_frames)
        if frame not in constant and np.array_equal(cine[frame], cine[(frame + 1) % n_frames])
    ]
    if n_frames > 1 and repeated:
        findings.append(
            Finding(
                "frames-repeated", f"frames that the next one repeats: {_listed(repeated)}", "they are kept"
            )
        )
    return findings


def contrast_findings(cine: np.ndarray, labels: Mapping[int, np.ndarray], span: float = 1.0) -> list[Finding]:
    """Findings in the contrast of a cine.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities.
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels; without them the spread of all intensities is judged.
    span : float
        Range of the intensities: 1 of a harmonised cine.
    """
    findings = []
    judged = False
    for frame, volume in labels.items():
        if (volume == LV).any() and (volume == MYO).any():
            judged = True
            blood, muscle = (float(np.median(cine[frame][volume == label])) for label in (LV, MYO))
            contrast = (blood - muscle) / span
            if contrast < -LOW_CONTRAST:
                problem = f"blood is darker than myocardium by {-contrast:.2f} of the range where frame {frame} is labelled"
                remedy = "check that the labels belong to this image and frame"
                findings.append(Finding("contrast-inverted", problem, remedy))
            elif contrast < LOW_CONTRAST:
                word = "brighter" if contrast >= 0 else "darker"
                problem = f"blood is only {abs(contrast):.2f} of the range {word} than myocardium where frame {frame} is labelled"
                remedy = "check that the labels belong to this image and frame"
                findings.append(Finding("contrast-low", problem, remedy))
    if judged:
        return findings[:1]
    spread = float(np.subtract(*np.percentile(cine, [75, 25]))) / span
    if spread < LOW_SPREAD:
        problem = f"half of all intensities lie within {spread:.2f} of the range"
        return [Finding("contrast-low", problem, "low contrast")]
    return []


def label_findings(
    labels: Mapping[int, np.ndarray],
    spacing_mm: Sequence[float],
    ed_frame: int | None,
    es_frame: int | None,
    view: View = SHORT_AXIS,
) -> list[Finding]:
    """Findings in the labels of one subject.

    Parameters
    ----------
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels of the annotated frames.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    ed_frame, es_frame : int or None
        Frames the ejection fraction is measured between.
    view : {"short_axis", "long_axis", "other"}
        Of a long axis the areas of ED and ES are compared, and there is no ejection fraction.
    """
    findings = []
    for frame, volume in labels.items():
        name = {ed_frame: "ED", es_frame: "ES"}.get(frame, f"frame {frame}")
        if touching := cut_structures(volume):
            problem = f"{', '.join(touching)} at {name} reach the edge of the field of view"
            findings.append(
                Finding("labels-at-edge", problem, "they may be cut, so that their volumes are unknown")
            )
        parts, n_parts = connected_components(volume == LV, structure=np.ones((3, 3, 3)))
        if n_parts > 1:
            sizes = np.bincount(parts.ravel())[1:]
            share = 1 - sizes.max() / sizes.sum()
            if share > STRAY_SHARE:
                problem = f"{share:.0%} of the LV cavity at {name} is apart from the rest"
                findings.append(Finding("labels-apart", problem, "kept as labelled"))
    findings += _missing_structures(labels, {ed_frame: "ED", es_frame: "ES"})
    cavities = {frame: int((volume == LV).sum()) for frame, volume in labels.items()}
    largest = max(cavities, key=lambda frame: cavities[frame], default=None)
    if ed_frame in cavities and largest not in (ed_frame, es_frame, None):
        share = cavities[largest] / max(cavities[ed_frame], 1) - 1
        if share > LARGER_THAN_ED:
            problem = f"LV is {share:.0%} larger at frame {largest} than at ED"
            findings.append(Finding("ed-not-largest", problem, "check the ED frame"))
    if not has_volumes(view):
        if ed_frame in cavities and es_frame in cavities and cavities[es_frame] >= cavities[ed_frame] > 0:
            share = cavities[es_frame] / cavities[ed_frame] - 1
            problem = f"the area of the LV is {share:.0%} larger at ES than at ED"
            findings.append(Finding("phases-exchanged", problem, "check the frames"))
        return findings
    measured = measure_function(labels, spacing_mm, ed_frame, es_frame)
    edv, esv, ef = measured["lv_edv_ml"], measured["lv_esv_ml"], measured["lv_ef"]
    if esv >= edv:
        problem = f"LV is larger at ES ({esv:.0f} mL) than at ED ({edv:.0f} mL)"
        findings.append(Finding("phases-exchanged", problem, "check the frames"))
    elif esv > 0 and not np.isnan(ef) and not PLAUSIBLE_EF[0] <= ef <= PLAUSIBLE_EF[1]:
        problem = f"the LV ejection fraction of {ef:.0f} % is hardly plausible"
        findings.append(Finding("ejection-fraction", problem, "check the labels"))
    return findings


def _missing_structures(labels: Mapping[int, np.ndarray], phases: Mapping[int | None, str]) -> list[Finding]:
    """One finding a structure that labelled frames lack, ED and ES first."""
    findings = []
    for structure, value in STRUCTURES.items():
        without = [frame for frame, volume in labels.items() if not (volume == value).any()]
        named = [phases[frame] for frame in without if frame in phases]
        others = [f"frame {frame}" for frame in without if frame not in phases]
        if len(others) > 2:
            others = [f"{len(others)} other labelled frames"]
        if places := [*named, *others]:
            listed = " and ".join(filter(None, (", ".join(places[:-1]), places[-1])))
            findings.append(
                Finding("structure-missing", f"no {structure} at {listed}", "its volume is unknown")
            )
    return findings


def _listed(frames: Sequence[int]) -> str:
    shown = ", ".join(str(frame + 1) for frame in frames[:5])
    return f"{shown} and {len(frames) - 5} more" if len(frames) > 5 else shown
