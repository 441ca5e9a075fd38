"""A raw cine turned the canonical way, before anything is resampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthaug.data.orientation import apex_comes_first, in_plane_orientation, quarter_turns_to_canonical
from synthaug.data.quality import cine_findings, label_findings
from synthaug.data.readers.base import RawCine
from synthaug.labels import LV


@dataclass(frozen=True)
class Canonical:
    """A cine in the canonical orientation on its own grid, ED first.

    Attributes
    ----------
    cine : ndarray, shape (t, z, y, x), float32
        Intensities in the file's unit.
    labels : dict of int to ndarray, shape (z, y, x), uint8
        Canonical labels, frames counted from ED.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).
    es_frame : int or None
        Counted from ED.
    findings : list of str
        What was repaired or is odd.
    """

    cine: np.ndarray
    labels: dict[int, np.ndarray]
    spacing_mm: tuple[float, float, float]
    es_frame: int | None
    findings: list[str]


def to_canonical(raw: RawCine, ed_frame: int | None, es_frame: int | None) -> Canonical:
    """Bring a raw cine into the canonical orientation, slices from the base, ED first.

    Parameters
    ----------
    raw : RawCine
        As a reader gives it.
    ed_frame, es_frame : int or None
        Of the dataset's tables, counted from 0. Where ED is unknown, the labelled frame with
        the largest LV cavity is ED and the one with the smallest ES; without labels the first
        frame is taken for ED.

    Returns
    -------
    Canonical
    """
    findings = [*raw.findings, *cine_findings(raw.image.T)]
    x_mm, y_mm, z_mm = raw.voxel_size_mm
    in_plane = in_plane_orientation(raw.affine)
    orient = in_plane.apply
    labels = {frame: orient(volume.T) for frame, volume in raw.labels.items()}
    turns = quarter_turns_to_canonical(labels)
    if turns:
        findings.append(
            f"the labels show a heart turned against its header; the image was turned {90 * turns} degrees"
        )
    if in_plane.transpose != bool(turns % 2):
        x_mm, y_mm = y_mm, x_mm
    apex_first = apex_comes_first(labels)
    if apex_first is None:
        apex_first = raw.slices_base_first is False
    elif raw.slices_base_first is not None and apex_first == raw.slices_base_first:
        findings.append("the labels show another slice order than the dataset's; the labels were followed")

    def place(volume: np.ndarray) -> np.ndarray:
        turned = np.rot90(orient(volume), turns, axes=(-2, -1))
        return turned[..., ::-1, :, :] if apex_first else turned

    n_frames = raw.image.shape[3]
    ed, es = _phases(raw, ed_frame, es_frame, findings)
    es = None if es is None else (es - ed) % n_frames
    labels = {(frame - ed) % n_frames: place(volume.T) for frame, volume in sorted(raw.labels.items())}
    spacing_mm = (z_mm, y_mm, x_mm)
    findings += label_findings(labels, spacing_mm, 0, es)
    return Canonical(np.roll(place(raw.image.T), -ed, axis=0), labels, spacing_mm, es, findings)


def _phases(raw: RawCine, ed: int | None, es: int | None, findings: list[str]) -> tuple[int, int | None]:
    ed = raw.ed_frame if ed is None else ed
    es = raw.es_frame if es is None else es
    if ed is not None:
        return ed, es
    sizes = {frame: int((volume == LV).sum()) for frame, volume in sorted(raw.labels.items())}
    if len(sizes) < 2:
        findings.append("the ED frame is unknown; the first frame was taken for it")
        return 0, es if es else None
    ed = max(sizes, key=lambda frame: sizes[frame])
    es = min(sizes, key=lambda frame: sizes[frame]) if es is None else es
    findings.append(f"the ED frame is unknown; frame {ed + 1}, with the largest LV cavity, was taken for it")
    return ed, es if es != ed else None
