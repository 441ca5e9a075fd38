"""The canonical orientation: the standard short-axis display, slices from base to apex.

Seen from the apex: the chest wall and the right ventricle on the left, the lung on the right,
the diaphragm below. The plane of a short axis is oblique, about 45 degrees to the patient's
axes, hence its directions are compared with those of a typical one: x runs from right-anterior
to left-posterior, y from superior to inferior, a little right and posterior. Against the pure
directions left and posterior half of all stacks would fall on either side of a quarter turn.

A long-axis slice is displayed as scanners display planes near the transverse one: x runs to the patient's left, y to the
back, so that the apex points up and the right heart lies on the left. It is turned only where its header says so clearly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthaug.data.findings import Finding
from synthaug.data.quality import cine_findings, label_findings
from synthaug.data.readers.base import RawCine
from synthaug.labels import LV, RV
from synthaug.views import LONG_AXIS, OTHER, SHORT_AXIS, View

#: Canonical x and y in (right, anterior, superior): perpendicular to each other and to a typical
#: long axis, (-0.61, 0.61, -0.5).
X_DIRECTION = (-0.707, -0.707, 0.0)
Y_DIRECTION = (0.354, -0.354, -0.866)
#: A typical long axis, from base to apex.
APEX_DIRECTION = (-0.61, 0.61, -0.5)
#: x and y of a displayed long axis: to the left and to the back.
LONG_AXIS_X, LONG_AXIS_Y = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
#: Sum of two cosines by which a way to store a long axis must fit the display better than with axes exchanged: that of a
#: plane turned by 37 degrees in itself; one of 45 degrees has none.
_CLEARLY_ORIENTED = 0.4
#: Where the right ventricle lies, seen from the left one, in canonical (x, y); labelled stacks
#: of ACDC scatter around it with a standard deviation of 20 degrees.
_RV_DIRECTION = np.array([-0.94, 0.34])
#: Cosine of the angle from there beyond which a heart must have been turned: 60 degrees.
_TURNED_COSINE = 0.5
#: Cosine with the typical long axis from which a stack is a short axis: 49 degrees.
_LONG_AXIS_COSINE = 0.65
#: Mean change of the ventricles' areas over the stack, as a share of the largest, that settles its order.
_CLEAR_TAPER = 0.2


@dataclass(frozen=True)
class InPlane:
    """One of the eight ways to turn a slice by quarter turns and mirror it.

    Attributes
    ----------
    transpose : bool
        The array's second axis becomes x.
    flip_x, flip_y : bool
        Reverse x or y afterwards.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, volume: np.ndarray) -> np.ndarray:
        """Orient an array whose last two axes are (y, x) of the file."""
        turned = volume.swapaxes(-1, -2) if self.transpose else volume
        return turned[..., :: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def in_plane_orientation(affine: np.ndarray) -> InPlane:
    """Choose the transform that best aligns x and y with their canonical directions.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Voxel indices to (right, anterior, superior).

    Returns
    -------
    InPlane
        Of the eight, the one with the largest sum of both cosines. Where exchanging the axes
        makes no difference, as with headers parallel to the patient's axes, they stay as stored.
        An affine without direction (zero or not finite) leaves the array as it is.
    """
    # Headers parallel to the patient's axes differ by rounding: their axes stay as stored.
    return _best_aligned(affine, (X_DIRECTION, Y_DIRECTION), stored_from=-1e-3, exchanged_from=1e-3)


def long_axis_orientation(affine: np.ndarray) -> InPlane:
    """Choose the transform that displays a long-axis slice as scanners do, where the header tells it.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Voxel indices to (right, anterior, superior).

    Returns
    -------
    InPlane
        As stored where the plane is halfway between two quarter turns, or far from transverse, or the affine has no
        direction.
    """
    return _best_aligned(
        affine, (LONG_AXIS_X, LONG_AXIS_Y), stored_from=_CLEARLY_ORIENTED, exchanged_from=_CLEARLY_ORIENTED
    )


def _best_aligned(
    affine: np.ndarray, directions: Sequence[Sequence[float]], stored_from: float, exchanged_from: float
) -> InPlane:
    """The transform of the array's axes nearest to two directions in the patient; none without a direction, or between.

    Its axes stay as stored where the sum of both cosines is larger so by at least `stored_from`, and are exchanged
    where it is larger exchanged by at least `exchanged_from`.
    """
    columns = np.asarray(affine, float)[:3, :2]
    lengths = np.linalg.norm(columns, axis=0)
    if not (np.isfinite(lengths).all() and lengths.min() > 0):
        return InPlane()
    along_x, along_y = (np.array(direction) @ columns / lengths for direction in directions)
    gain = abs(along_x[0]) + abs(along_y[1]) - abs(along_x[1]) - abs(along_y[0])
    if gain >= stored_from:
        x, y = 0, 1
    elif -gain >= exchanged_from:
        x, y = 1, 0
    else:
        return InPlane()
    return InPlane(x == 1, bool(along_x[x] < 0), bool(along_y[y] < 0))


def stored_base_first(affine: np.ndarray) -> bool | None:
    """Whether the slices run from base to apex, by the direction of their stack.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Voxel indices to (right, anterior, superior).

    Returns
    -------
    bool or None
        None where the stack lies further than 49 degrees from a typical long axis, as a header does whose axes are
        parallel to the patient's: no scanner wrote it for a short axis.
    """
    axis = np.asarray(affine, float)[:3, 2]
    length = np.linalg.norm(axis)
    if not (np.isfinite(length) and length > 0):
        return None
    cosine = float(np.array(APEX_DIRECTION) @ axis / length)
    return None if abs(cosine) < _LONG_AXIS_COSINE else cosine > 0


def quarter_turns_to_canonical(labels: Mapping[int, np.ndarray]) -> int:
    """Quarter turns that bring the right ventricle to its side of the left one.

    A header that confuses two conventions turns the image by 180 degrees, one that lost its
    orientation by any quarter. Only turns are considered: a mirrored heart cannot be told from
    labels.

    Parameters
    ----------
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels of the annotated frames, oriented by the affine.

    Returns
    -------
    int
        For `numpy.rot90` over axes (y, x); 0 where the right ventricle is within 60 degrees
        of its place already, or the labels do not show both ventricles.
    """
    offsets = [
        _centroid(volume == RV) - _centroid(volume == LV)
        for volume in labels.values()
        if (volume == RV).any() and (volume == LV).any()
    ]
    if not offsets:
        return 0
    y, x = np.mean(offsets, axis=0)
    # rot90 over (y, x) takes the offset (x, y) to (y, -x).
    turned = np.array([(x, y), (y, -x), (-x, -y), (-y, x)]) @ _RV_DIRECTION
    return 0 if turned[0] > _TURNED_COSINE * np.hypot(x, y) else int(np.argmax(turned))


def apex_comes_first(labels: Mapping[int, np.ndarray]) -> bool | None:
    """Whether the stack runs from apex to base, judged by how both ventricles taper.

    Each ventricle's area is followed over the slices that show it, because the most basal
    slice may show only one of them.

    Parameters
    ----------
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels of the annotated frames.

    Returns
    -------
    bool or None
        None where there are no labels, or they show no clear taper.
    """
    growth = []
    for volume in labels.values():
        for ventricle in (LV, RV):
            area = (volume == ventricle).sum(axis=(1, 2)).astype(float)
            slices = np.flatnonzero(area)
            if len(slices) > 2:
                slope = np.polyfit(slices, area[slices] / area.max(), 1)[0]
                growth.append(slope * (slices[-1] - slices[0]))
    if not growth or abs(np.mean(growth)) < _CLEAR_TAPER:
        return None
    return bool(np.mean(growth) > 0)


def _centroid(mask: np.ndarray) -> np.ndarray:
    """Centre (y, x) of a mask (z, y, x)."""
    return np.argwhere(mask)[:, 1:].mean(axis=0)


@dataclass(frozen=True)
class OrientedCine:
    """A cine in the canonical orientation on its own voxel grid, ED first.

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
    findings : list of Finding
        What was repaired or is implausible.
    turned : dict
        What was done to the file's array; see `synthaug.data.native_grid.NativeGrid`.
    view : {"short_axis", "long_axis", "other"}
        As in `RawCine`.
    """

    cine: np.ndarray
    labels: dict[int, np.ndarray]
    spacing_mm: tuple[float, float, float]
    es_frame: int | None
    findings: list[Finding]
    turned: dict[str, bool]
    view: View = SHORT_AXIS


def orient_cine(raw: RawCine, ed_frame: int | None, es_frame: int | None) -> OrientedCine:
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
    OrientedCine

    Notes
    -----
    Orientation follows from the dataset and the header alone: what only labelled patients have decides nothing, so that
    training and test patients, labelled and new ones, take one path. A long-axis slice has no order of slices. Images of
    another organ stay as they are stored, and their first frame is frame 0.
    """
    findings = [*raw.findings, *cine_findings(raw.image.T, raw.voxel_size_mm[2], raw.view)]
    x_mm, y_mm, z_mm = raw.voxel_size_mm
    if raw.view == LONG_AXIS:
        in_plane = long_axis_orientation(raw.affine) if raw.oriented else InPlane()
        apex_first = False
    elif raw.view == OTHER:
        in_plane, apex_first = InPlane(), False
    else:
        in_plane = in_plane_orientation(raw.affine)
        base_first = raw.slices_base_first
        if base_first is None:
            base_first = stored_base_first(raw.affine)
        apex_first = base_first is False
    if in_plane.transpose:
        x_mm, y_mm = y_mm, x_mm

    def place(volume: np.ndarray) -> np.ndarray:
        oriented = in_plane.apply(volume)
        return oriented[..., ::-1, :, :] if apex_first else oriented

    n_frames = raw.image.shape[3]
    ed, es = (0, None) if raw.view == OTHER else _phases(raw, ed_frame, es_frame, findings)
    es = None if es is None else (es - ed) % n_frames
    labels = {(frame - ed) % n_frames: place(volume.T) for frame, volume in sorted(raw.labels.items())}
    if raw.partly_drawn and labels:
        problem = "the expert drew some structures only, what is not drawn is unknown"
        remedy = "volumes are measured, the frames are not trained or tested on"
        findings.append(Finding("labels-partial", problem, remedy))
    spacing_mm = (z_mm, y_mm, x_mm)
    if raw.view != LONG_AXIS:
        findings += _contradictions(labels)
    findings += label_findings(labels, spacing_mm, 0, es, raw.view)
    turned = {
        "transpose": in_plane.transpose,
        "flip_x": in_plane.flip_x,
        "flip_y": in_plane.flip_y,
        "apex_first": apex_first,
    }
    return OrientedCine(_rolled(place(raw.image.T), ed), labels, spacing_mm, es, findings, turned, raw.view)


def _rolled(cine: np.ndarray, ed: int) -> np.ndarray:
    """The cine with frame `ed` first; not copied where it is."""
    return np.roll(cine, -ed, axis=0) if ed else cine


def _contradictions(labels: Mapping[int, np.ndarray]) -> list[Finding]:
    """What labels say against the orientation; a new patient has none, so that nothing is turned by them."""
    findings = []
    if turns := quarter_turns_to_canonical(labels):
        problem = f"the labels show a heart turned by {90 * turns} degrees against its header"
        findings.append(Finding("orientation-contradicted", problem, "kept as the header says"))
    if apex_comes_first(labels):
        findings.append(
            Finding(
                "slices-contradicted",
                "the labels show a stack from apex to base",
                "kept as the dataset or its header says",
            )
        )
    return findings


def _phases(raw: RawCine, ed: int | None, es: int | None, findings: list[Finding]) -> tuple[int, int | None]:
    """ED and ES: the table's where they are labelled, else the labelled frames of the largest and smallest LV cavity."""
    ed = raw.ed_frame if ed is None else ed
    es = raw.es_frame if es is None else es
    sizes = {frame: int((volume == LV).sum()) for frame, volume in sorted(raw.labels.items())}
    several = len(sizes) > 1
    largest = max(sizes, key=lambda frame: sizes[frame]) if several else 0
    smallest = min(sizes, key=lambda frame: sizes[frame]) if several else None
    if several and ed is not None and not {ed, es} - {None} <= set(sizes):
        named = " and ".join(
            f"{name} {frame + 1}" for name, frame in (("ED", ed), ("ES", es)) if frame is not None
        )
        labelled = ", ".join(str(frame + 1) for frame in sizes)
        if ed not in sizes:
            ed = largest
        if es not in sizes or es == ed:
            es = smallest if smallest != ed else None
        problem = f"the table says {named}, frames {labelled} are labelled"
        taken = f"ED {ed + 1}" + ("" if es is None else f" and ES {es + 1}")
        findings.append(
            Finding("phases-unlabelled", problem, f"{taken} taken, where the LV is largest and smallest")
        )
        return ed, es
    if ed is not None:
        if es is None and smallest is not None and smallest != ed:
            es = smallest
            problem = "the ES frame is unknown"
            remedy = f"frame {smallest + 1}, with the smallest LV cavity, was taken for it"
            findings.append(Finding("phases-from-labels", problem, remedy))
        return ed, es
    if not several:
        findings.append(
            Finding("phases-unknown", "the ED frame is unknown", "the first frame was taken for it")
        )
        return 0, es if es else None
    es = smallest if es is None else es
    remedy = f"frame {largest + 1}, with the largest LV cavity, was taken for it"
    findings.append(Finding("phases-from-labels", "the ED frame is unknown", remedy))
    return largest, es if es != largest else None
