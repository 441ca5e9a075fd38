"""Which images of a folder are the short-axis stack: the largest set of parallel cine slices."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthaug.data.findings import Finding
from synthaug.data.readers.dicom_frames import DicomFrame

#: Largest difference of direction cosines in one stack: half a degree.
_SAME_DIRECTION = 0.01
#: mm; nearer positions along the normal are one slice.
_SAME_POSITION_MM = 0.5
#: Relative difference of pixel spacings that rounding explains.
_SAME_SPACING = 1e-3
#: Cosine of stacks between which no majority can be overlooked: 20 degrees.
_SIMILAR = 0.94
#: A typical long axis in DICOM's axes (left, posterior, superior), and the cosine from which a stack is a short axis:
#: `synthaug.data.orientation` has them in (right, anterior, superior).
_LONG_AXIS = np.array([0.61, -0.61, -0.5])
_LONG_AXIS_COSINE = 0.65
#: Share of the largest set's slices that a set needs to be preferred for its direction.
_COMPARABLE = 0.5


class NoStack(Exception):
    """No set of images is the stack; ``code``, problem and remedy as in a finding."""

    def __init__(self, code: str, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.code, self.problem, self.remedy = code, problem, remedy


@dataclass
class Slices:
    """Images of the stack, by slice.

    Attributes
    ----------
    frames : list of list of DicomFrame
        Slices ascending along the normal; the frames of a slice in no order.
    findings : list of Finding
        What was left out.
    """

    frames: list[list[DicomFrame]]
    findings: list[Finding] = field(default_factory=list)

    @property
    def normal(self) -> np.ndarray:
        """Unit vector from slice to slice, in DICOM's axes."""
        return self.frames[0][0].normal

    @property
    def levels_mm(self) -> np.ndarray:
        """Position of each slice along the normal."""
        return np.array([np.mean([frame.position @ self.normal for frame in found]) for found in self.frames])


def choose_slices(frames: Sequence[DicomFrame]) -> Slices:
    """Find the stack among all images of a subject.

    Parameters
    ----------
    frames : sequence of DicomFrame
        Any images: short axes, long axes, localisers.

    Returns
    -------
    Slices
        One acquisition a slice, all on one voxel grid.

    Raises
    ------
    NoStack
        There is no set of parallel cine slices, or two sets of which neither is the majority.
    """
    findings: list[Finding] = []
    images = _without_copies(frames, findings)
    chosen = _stack_of(_parallel_sets(images))
    if len(images) > len(chosen):
        problem = _beside(images, chosen)
        remedy = "left out; the stack is the largest set of parallel cine slices"
        findings.append(Finding("dicom-left-out", problem, remedy))
    on_grid = _majority_grid(chosen)
    if len(on_grid) < len(chosen):
        problem = f"{len(chosen) - len(on_grid)} images of the stack have another matrix or pixel spacing"
        findings.append(Finding("dicom-grid-differs", problem, "left out; most slices share one grid"))
    slices = _by_level(on_grid)
    return Slices(_one_acquisition_each(slices, findings), findings)


def _beside(images: Sequence[DicomFrame], chosen: Sequence[DicomFrame]) -> str:
    """What lies beside the stack, in words."""
    planes = {_plane(frame) for frame in chosen}
    elsewhere = [_plane(frame) for frame in images if _plane(frame) not in planes]
    again = len(images) - len(chosen) - len(elsewhere)
    parts = []
    if elsewhere:
        parts.append(f"{len(elsewhere)} images in {len(set(elsewhere))} other planes (long axes, localisers)")
    if again:
        parts.append(f"{again} images of another visit in the planes of the stack")
    return f"beside the stack lie {' and '.join(parts)}"


def _plane(frame: DicomFrame) -> tuple[float, ...]:
    return tuple(np.round([*frame.directions.ravel(), frame.position @ frame.normal], 1))


def _without_copies(frames: Sequence[DicomFrame], findings: list[Finding]) -> list[DicomFrame]:
    """Each image once, where the same image lies in several files."""
    seen: dict[tuple[object, ...], DicomFrame] = {}
    for frame in frames:
        key = (frame.instance, frame.index) if frame.instance else (frame.source, frame.index)
        seen.setdefault(key, frame)
    if copies := len(frames) - len(seen):
        problem = f"{copies} images are in the folder twice"
        findings.append(Finding("dicom-files-repeated", problem, "each is used once"))
    return list(seen.values())


def _parallel_sets(frames: Sequence[DicomFrame]) -> list[list[DicomFrame]]:
    """Images of one study whose rows and columns have the same directions."""
    sets: list[list[DicomFrame]] = []
    for frame in frames:
        for found in sets:
            near = np.abs(found[0].directions - frame.directions).max() < _SAME_DIRECTION
            if near and found[0].study == frame.study:
                found.append(frame)
                break
        else:
            sets.append([frame])
    return sets


def _stack_of(sets: list[list[DicomFrame]]) -> list[DicomFrame]:
    sizes = [sum(_is_cine(found) for found in _by_level(images)) for images in sets]
    largest = max(sizes, default=0)
    if largest < 2:
        raise NoStack(
            "dicom-no-stack",
            f"there is no stack: the largest set of parallel cine slices has {largest} positions",
            "export the short-axis cine with all its slices",
        )

    def rank(place: int) -> tuple[bool, int, tuple[str, str, float, float]]:
        short_axis = abs(float(sets[place][0].normal @ _LONG_AXIS)) > _LONG_AXIS_COSINE
        comparable = sizes[place] >= max(2, _COMPARABLE * largest)
        return short_axis and comparable, sizes[place], max(frame.acquired for frame in sets[place])

    best = max(range(len(sets)), key=rank)
    for place, images in enumerate(sets):
        if place != best and sizes[place] == sizes[best] and images[0].study == sets[best][0].study:
            cosine = abs(float(images[0].normal @ sets[best][0].normal))
            if cosine > _SIMILAR and not _interchangeable(images, sets[best]):
                raise NoStack(
                    "dicom-grids-mixed",
                    f"two sets of {sizes[best]} slices each differ in direction by a few degrees",
                    "keep the images of one stack",
                )
    return sets[best]


def _interchangeable(one: list[DicomFrame], other: list[DicomFrame]) -> bool:
    """True for two whole stacks, one of which repeats the other: no slice of one lies beside those of the other."""
    normal = one[0].normal
    spans = [sorted(float(frame.position @ normal) for frame in images) for images in (one, other)]
    overlap = min(spans[0][-1], spans[1][-1]) - max(spans[0][0], spans[1][0])
    return overlap > 0.5 * max(span[-1] - span[0] for span in spans)


def _is_cine(images: list[DicomFrame]) -> bool:
    return len(images) > 1


def _by_level(frames: Sequence[DicomFrame]) -> list[list[DicomFrame]]:
    """Images by their position along the normal, ascending."""
    normal = frames[0].normal
    ordered = sorted(frames, key=lambda frame: float(frame.position @ normal))
    slices: list[list[DicomFrame]] = []
    last = -np.inf
    for frame in ordered:
        level = float(frame.position @ normal)
        if level - last > _SAME_POSITION_MM:
            slices.append([])
            last = level
        slices[-1].append(frame)
    return slices


def _majority_grid(frames: list[DicomFrame]) -> list[DicomFrame]:
    """Images on the voxel grid that more than half of the slices have."""
    grids: list[list[DicomFrame]] = []
    for frame in frames:
        for found in grids:
            if _same_grid(found[0], frame):
                found.append(frame)
                break
        else:
            grids.append([frame])
    if len(grids) == 1:
        return frames
    counts = [len(_by_level(images)) for images in grids]
    most, total = max(counts), len(_by_level(frames))
    if 2 * most <= total:
        raise NoStack(
            "dicom-grids-mixed",
            f"{total} slices lie on {len(grids)} grids of different matrix or pixel spacing, none of which most have",
            "export the slices of one acquisition",
        )
    whole = [images for images, count in zip(grids, counts, strict=True) if count == most]
    return max(whole, key=lambda images: max(frame.acquired for frame in images))


def _same_grid(one: DicomFrame, other: DicomFrame) -> bool:
    return one.grid[:2] == other.grid[:2] and bool(
        np.allclose(one.grid[2:], other.grid[2:], rtol=_SAME_SPACING)
    )


def _one_acquisition_each(slices: list[list[DicomFrame]], findings: list[Finding]) -> list[list[DicomFrame]]:
    """Of slices that were acquired more than once, the latest complete acquisition."""
    candidates = [_acquisitions(images) for images in slices]
    counts = Counter(max(map(len, found)) for found in candidates)
    typical = max(counts, key=lambda count: (counts[count], count))
    chosen: list[list[DicomFrame]] = []
    repeated = 0
    for found in candidates:
        complete = [images for images in found if len(images) >= typical]
        repeated += len(found) > 1
        if complete:
            chosen.append(max(complete, key=_latest))
        else:
            chosen.append(max(found, key=lambda images: (len(images), _latest(images))))
    if repeated:
        problem = f"{repeated} slices were acquired more than once"
        findings.append(Finding("dicom-slices-repeated", problem, "the latest complete acquisition is used"))
    return chosen


def _latest(images: list[DicomFrame]) -> tuple[str, str, float, float]:
    return max(frame.acquired for frame in images)


def _acquisitions(images: list[DicomFrame]) -> list[list[DicomFrame]]:
    """Images of one slice by acquisition.

    An acquisition is a series. Where a series acquires the slice several times, all of them with as many frames, it is
    an acquisition number of it. Where every series has one image, as exports of a series a phase have, all are one.
    """
    series = _grouped(images, lambda frame: frame.series)
    if len(series) > 1 and all(len(found) == 1 for found in series):
        return [images]
    found = []
    for one in series:
        numbers = _grouped(one, lambda frame: frame.acquisition)
        sizes = {len(part) for part in numbers}
        found += numbers if len(numbers) > 1 and len(sizes) == 1 and sizes.pop() > len(numbers) else [one]
    return found


def _grouped(images: list[DicomFrame], key: Callable[[DicomFrame], object]) -> list[list[DicomFrame]]:
    groups: dict[object, list[DicomFrame]] = defaultdict(list)
    for frame in images:
        groups[key(frame)].append(frame)
    return list(groups.values())
