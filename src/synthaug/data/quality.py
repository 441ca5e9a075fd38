"""Quality control of a subject that can be used: what is implausible or incomplete, one sentence a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import label as connected_components

from synthaug.data.findings import Finding
from synthaug.labels import LV, MYO, STRUCTURES
from synthaug.metrics.volumes import measure_function

#: Fewer slices than base, mid and apex twice over rarely hold a whole ventricle.
FEW_SLICES = 6
#: Blood over myocardium at ED, in units of the normalised range; bSSFP shows 0.3 and more.
LOW_CONTRAST = 0.1
#: The same without labels: the range that the middle half of all intensities spans.
LOW_SPREAD = 0.05
#: Share of the LV cavity that may lie apart from its main part: a few voxels at an apex.
STRAY_SHARE = 0.05
#: Percent; beyond these even severe failure and hyperdynamic hearts are rare.
PLAUSIBLE_EF = (5.0, 85.0)


def cine_findings(cine: np.ndarray) -> list[Finding]:
    """Findings in the frames and slices of a cine as it was read.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in any unit.
    """
    findings = []
    n_frames, n_slices = cine.shape[:2]
    if n_slices < FEW_SLICES:
        findings.append(Finding("slices-few", f"only {n_slices} slices", "a ventricle may not be whole"))
    constant = [frame for frame in range(n_frames) if np.ptp(cine[frame]) == 0]
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


def contrast_findings(cine: np.ndarray, labels: Mapping[int, np.ndarray]) -> list[Finding]:
    """Findings in the contrast of a harmonised cine.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels; without them the spread of all intensities is judged.
    """
    for frame, volume in labels.items():
        if (volume == LV).any() and (volume == MYO).any():
            contrast = float(np.median(cine[frame][volume == LV]) - np.median(cine[frame][volume == MYO]))
            if contrast < LOW_CONTRAST:
                problem = f"blood is only {contrast:.2f} of the range brighter than myocardium"
                return [Finding("contrast-low", problem, "kept as it is")]
            return []
    spread = float(np.subtract(*np.percentile(cine, [75, 25])))
    if spread < LOW_SPREAD:
        problem = f"half of all intensities lie within {spread:.2f} of the range"
        return [Finding("contrast-low", problem, "low contrast")]
    return []


def label_findings(
    labels: Mapping[int, np.ndarray],
    spacing_mm: Sequence[float],
    ed_frame: int | None,
    es_frame: int | None,
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
    """
    findings = []
    for frame, volume in labels.items():
        name = {ed_frame: "ED", es_frame: "ES"}.get(frame, f"frame {frame}")
        edges = (volume[:, 0], volume[:, -1], volume[:, :, 0], volume[:, :, -1])
        touching = [
            structure for structure, value in STRUCTURES.items() if any((e == value).any() for e in edges)
        ]
        if touching:
            problem = f"{', '.join(touching)} at {name} reach the edge of the field of view"
            findings.append(Finding("labels-at-edge", problem, "they may be cut"))
        for structure in [name for name, value in STRUCTURES.items() if not (volume == value).any()]:
            findings.append(
                Finding("structure-missing", f"no {structure} at {name}", "its volume is unknown")
            )
        parts, n_parts = connected_components(volume == LV, structure=np.ones((3, 3, 3)))
        if n_parts > 1:
            sizes = np.bincount(parts.ravel())[1:]
            share = 1 - sizes.max() / sizes.sum()
            if share > STRAY_SHARE:
                problem = f"{share:.0%} of the LV cavity at {name} is apart from the rest"
                findings.append(Finding("labels-apart", problem, "kept as labelled"))
    measured = measure_function(labels, spacing_mm, ed_frame, es_frame)
    edv, esv, ef = measured["lv_edv_ml"], measured["lv_esv_ml"], measured["lv_ef"]
    if esv >= edv:
        problem = f"LV is larger at ES ({esv:.0f} mL) than at ED ({edv:.0f} mL)"
        findings.append(Finding("phases-exchanged", problem, "check the frames"))
    elif not np.isnan(ef) and not PLAUSIBLE_EF[0] <= ef <= PLAUSIBLE_EF[1]:
        problem = f"the LV ejection fraction of {ef:.0f} % is hardly plausible"
        findings.append(Finding("ejection-fraction", problem, "check the labels"))
    return findings


def _listed(frames: Sequence[int]) -> str:
    shown = ", ".join(str(frame + 1) for frame in frames[:5])
    return f"{shown} and {len(frames) - 5} more" if len(frames) > 5 else shown
