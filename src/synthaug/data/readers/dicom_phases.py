"""The order of a slice's frames in the heart beat, and the same number of frames in every slice."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from synthaug.data.findings import Finding
from synthaug.data.readers.dicom_frames import NUMBER, ORDERS, TRIGGER_DELAY, TRIGGER_TIME, DicomFrame
from synthaug.data.readers.dicom_slices import NoStack

#: ms between frames that a cine has.
_PLAUSIBLE_MS = (5.0, 200.0)
#: Other units that files have times in, and what turns them into ms.
_UNITS = {"seconds": 1000.0, "microseconds": 0.001}
#: A step of more than this many median steps is a missing phase.
_GAP = 1.5


@dataclass
class Phases:
    """Frames of each slice in the order of the beat, equally many.

    Attributes
    ----------
    frames : list of list of DicomFrame
        By slice and phase.
    kept : list of int
        Places of the slices among those given.
    frame_duration_s : float or None
        Time between frames.
    findings : list of Finding
        What was chosen.
    """

    frames: list[list[DicomFrame]]
    kept: list[int]
    frame_duration_s: float | None = None
    findings: list[Finding] = field(default_factory=list)


def order_phases(slices: Sequence[Sequence[DicomFrame]]) -> Phases:
    """Order the frames of every slice, and give all slices the same number of them.

    The order is that of the first of `ORDERS` that all images have and that tells most of the frames of every slice
    apart. Of two images at one time the later one is used. A slice with another number of frames than most gives, for
    each phase, the frame nearest to it in the beat; one with fewer than half is left out. Nothing is interpolated.

    Parameters
    ----------
    slices : sequence of sequence of DicomFrame
        Frames of each slice in any order.

    Raises
    ------
    NoStack
        Nothing tells the order, or the slices have one frame each.
    """
    findings: list[Finding] = []
    order = _order_of(slices)
    if order == NUMBER:
        problem = "neither trigger times nor temporal positions order the frames"
        findings.append(Finding("dicom-order-by-number", problem, "they are in the order of their numbers"))
    ordered = [_by_phase(frames, order) for frames in slices]
    repeated = sum(map(len, slices)) - sum(map(len, ordered))
    if repeated:
        problem = f"{repeated} images are at the same {order} as another one of their slice"
        findings.append(Finding("dicom-phases-repeated", problem, "the latest of them is used"))
    counts = Counter(map(len, ordered))
    common = max(counts, key=lambda count: (counts[count], count))
    if common < 2:
        raise NoStack("one-frame", "most slices have one frame", "export the cine with all its frames")
    kept = [place for place, frames in enumerate(ordered) if 2 * len(frames) >= common]
    if dropped := len(ordered) - len(kept):
        problem = f"{dropped} slices have fewer than half of the {common} frames of the others"
        findings.append(Finding("dicom-slice-short", problem, "left out"))
    times = _times(ordered, order, findings)
    step = _step(times, common, ordered)
    chosen, changed = [], 0
    for place in kept:
        frames = ordered[place]
        if len(frames) != common:
            changed += 1
            moments = _moments(None if times is None else times[place], len(frames), common, step)
            frames = [frames[_nearest(moments, phase / common)] for phase in range(common)]
        chosen.append(frames)
    if changed:
        numbers = ", ".join(map(str, sorted({len(ordered[place]) for place in kept})))
        findings.append(
            Finding(
                "dicom-phases-chosen",
                f"the slices have different numbers of frames ({numbers})",
                f"each of {changed} slices gives the {common} frames nearest to those of the others",
            )
        )
    return Phases(chosen, kept, None if step is None else step / 1000, findings)


def _order_of(slices: Sequence[Sequence[DicomFrame]]) -> str:
    for order in ORDERS:
        if all(_tells_apart(frames, order) for frames in slices):
            return order
    raise NoStack(
        "dicom-order-unknown",
        "neither times nor numbers tell the order of the frames",
        "export the images with their headers",
    )


def _tells_apart(frames: Sequence[DicomFrame], order: str) -> bool:
    """Whether all frames of a slice have a value, of which half or more differ."""
    values = [frame.orders[order] for frame in frames if order in frame.orders]
    return len(values) == len(frames) and len(set(values)) >= min(
        len(values), max(2, math.ceil(len(values) / 2))
    )


def _by_phase(frames: Sequence[DicomFrame], order: str) -> list[DicomFrame]:
    at: dict[float, list[DicomFrame]] = defaultdict(list)
    for frame in frames:
        at[frame.orders[order]].append(frame)
    return [
        max(at[value], key=lambda frame: (frame.acquired, frame.orders.get(NUMBER, 0.0)))
        for value in sorted(at)
    ]


def _times(
    slices: Sequence[Sequence[DicomFrame]], order: str, findings: list[Finding]
) -> list[np.ndarray] | None:
    """Times of the frames of each slice in ms; None where the headers have none of the right size."""
    if order not in (TRIGGER_TIME, TRIGGER_DELAY):
        return None
    times = [np.array([frame.orders[order] for frame in frames]) for frames in slices]
    steps = [np.diff(found) for found in times if len(found) > 1]
    typical = float(np.median(np.concatenate(steps)))
    low, high = _PLAUSIBLE_MS
    if low <= typical <= high:
        return times
    for unit, factor in _UNITS.items():
        if low <= typical * factor <= high:
            problem = f"the {order}s are {typical:g} apart, which is no number of milliseconds"
            findings.append(Finding("dicom-time-unit", problem, f"taken as {unit}"))
            return [factor * found for found in times]
    return None


def _step(
    times: Sequence[np.ndarray] | None, common: int, slices: Sequence[Sequence[DicomFrame]]
) -> float | None:
    """Time between frames in ms, of the slices with as many frames as most."""
    if times is not None:
        found = float(np.median(np.concatenate([np.diff(one) for one in times if len(one) == common])))
    else:
        beats = [frame.interval_ms for frames in slices for frame in frames if frame.interval_ms]
        found = float(np.median(beats)) / common if beats else 0.0
    low, high = _PLAUSIBLE_MS
    return found if low <= found <= high else None


def _moments(times: np.ndarray | None, count: int, common: int, step: float | None) -> np.ndarray:
    """Where in the beat, from 0 to 1, the frames of a slice are that has another number of them."""
    if times is None or step is None or count < 2:
        return np.arange(count) / count
    steps = np.diff(times)
    if steps.max() > _GAP * np.median(steps):
        # Phases are missing, so that the slice's own number of them does not tell the duration of its beat.
        return times / (common * step)
    return (times - times[0]) / (count * np.median(steps))


def _nearest(moments: np.ndarray, wanted: float) -> int:
    distance = np.abs(moments - wanted) % 1.0
    return int(np.argmin(np.minimum(distance, 1 - distance)))
