"""What every reader's cine must be, whatever its format: axes, geometry and labels that cannot be meant otherwise."""

from __future__ import annotations

import numpy as np

from synthaug.data.findings import SubjectError
from synthaug.data.label_structure import exchanged_structures
from synthaug.data.readers.base import RawCine, RawSubject, check_frames
from synthaug.data.voxel_size import settle_voxel_size
from synthaug.labels import BACKGROUND, STRUCTURES
from synthaug.views import LONG_AXIS

#: Both must be exceeded for frames and slices to be taken as exchanged: the difference of neighbouring frames over that of
#: neighbouring slices, and the same of the first and last ones, which are neighbours in a beat and base and apex in a stack.
#: In 33 patients of ACDC the first is at most 0.35 and the second 0.3; exchanged, both are their inverse (tests/real).
EXCHANGED_NEIGHBOURS, EXCHANGED_ENDS = 0.8, 1.5
#: All that labels of an annotated frame may hold; a frame without annotation has none.
_LABELS = {BACKGROUND, *STRUCTURES.values()}


def check_cine(raw: RawCine, subject: RawSubject) -> None:
    """Refuse a cine that would give wrong volumes or wrong motion without a word.

    Parameters
    ----------
    raw : RawCine
        As the reader loaded it.
    subject : RawSubject
        Whose it is.

    Raises
    ------
    SubjectError
        It is no 4D array of finite numbers, ED, ES or a labelled frame is one that it lacks, ED is ES, its labels have
        another shape or values that are not canonical, its voxel size is impossible, frames and slices are exchanged,
        slices are repeated or lie black inside the stack, or the labels are numbered otherwise. A long-axis cine with
        several slices. Which structure its labels' numbers mean is not judged: the myocardium is open at the mitral
        plane and the LV is not inside of it.
    """

    def refused(code: str, problem: str, remedy: str) -> SubjectError:
        return SubjectError(code, subject.id, subject.files[0] if subject.files else "", problem, remedy)

    image = raw.image
    if image.ndim != 4 or 0 in image.shape:
        raise refused("dimensions", f"has dimensions {list(image.shape)}", "give a cine (x, y, z, t)")
    if not np.isfinite(image).all():
        count = int(image.size - np.isfinite(image).sum())
        raise refused(
            "voxels-not-finite", f"{count} voxels are not finite", "export the image again without NaN"
        )
    if raw.view == LONG_AXIS and image.shape[2] != 1:
        problem = f"has {image.shape[2]} slices, a long-axis cine has one"
        raise refused("view", problem, "give the four-chamber slice alone")
    n_frames = image.shape[3]
    check_frames(
        subject.id,
        subject.files[0] if subject.files else "",
        n_frames,
        raw.ed_frame if subject.ed_frame is None else subject.ed_frame,
        raw.es_frame if subject.es_frame is None else subject.es_frame,
    )
    for frame, volume in raw.labels.items():
        if not 0 <= frame < n_frames:
            problem = f"labels frame {frame + 1} of a cine with {n_frames} frames"
            raise refused("frame-missing", problem, "count frames from 0")
        if volume.shape != image.shape[:3]:
            problem = f"labels of frame {frame + 1} have shape {volume.shape}, the cine has {image.shape[:3]}"
            raise refused("labels-shape", problem, "give labels on the cine's own grid")
        if unknown := set(np.unique(volume).tolist()) - _LABELS:
            problem = f"labels of frame {frame + 1} hold {', '.join(map(str, sorted(unknown)))}"
            remedy = "give canonical labels (0 to 3) of the annotated frames alone"
            raise refused("labels-value", problem, remedy)
    settle_voxel_size(
        {"header": raw.voxel_size_mm},
        {},
        None,
        image.shape[2],
        subject.id,
        subject.files[0] if subject.files else "",
        raw.view,
    )
    beside, apart = frames_to_slices(image)
    if beside > EXCHANGED_NEIGHBOURS and apart > EXCHANGED_ENDS:
        problem = (
            f"the first and last frame differ {apart:.1f} times as much as the first and last slice: frames and slices seem "
            "exchanged"
        )
        raise refused("axes-exchanged", problem, "store the cine as (x, y, z, t)")
    black, repeated = empty_slices(image), repeated_slices(image)
    ends = _ends(black, image.shape[2])
    inside = [index for index in black if index not in ends]
    if inside:
        listed = ", ".join(str(index + 1) for index in inside)
        raise refused(
            "slices-missing", f"slices inside the stack show nothing: {listed}", "export the cine again"
        )
    if repeated:
        listed = ", ".join(f"{index + 1} and {index + 2}" for index in repeated)
        raise refused(
            "slices-repeated", f"slices are the same in all frames: {listed}", "export the cine again"
        )
    if raw.view != LONG_AXIS and (called := exchanged_structures(raw.labels)):
        wrong = ", ".join(f"{name} looks like {meant}" for name, meant in called.items() if name != meant)
        problem = f"the labels are numbered otherwise, LV is what lies inside the myocardium: {wrong}"
        meant = ", ".join(f"{value}: {called[name]}" for name, value in STRUCTURES.items() if name in called)
        remedy = f"layout nifti: set label_map (e.g. {{{meant}}}); else number the labels as the layout does"
        raise refused("labels-exchanged", problem, remedy)


def frames_to_slices(image: np.ndarray) -> tuple[float, float]:
    """Mean absolute difference of frames over that of slices: of neighbours, and of the first and the last.

    Parameters
    ----------
    image : ndarray, shape (x, y, z, t)
        Intensities.

    Returns
    -------
    tuple of 2 floats
        0 where there are fewer than 4 frames or 3 slices, or slices do not differ.
    """
    n_slices, n_frames = image.shape[2:]
    if n_slices < 3 or n_frames < 4:
        return 0.0, 0.0
    small = np.ascontiguousarray(image[::4, ::4])
    frames = (
        float(np.abs(np.diff(small, axis=3)).mean()),
        float(np.abs(small[..., -1] - small[..., 0]).mean()),
    )
    slices = (
        float(np.abs(np.diff(small, axis=2)).mean()),
        float(np.abs(small[:, :, -1] - small[:, :, 0]).mean()),
    )
    neighbours, ends = (
        frame / slice_ if slice_ > 0 else 0.0 for frame, slice_ in zip(frames, slices, strict=True)
    )
    return neighbours, ends


def empty_slices(image: np.ndarray) -> list[int]:
    """Slices (of x, y, z, t) that are the same everywhere in all frames, where not all are."""
    high, low = image.max(axis=(0, 1)), image.min(axis=(0, 1))
    same = high.max(axis=1) == low.min(axis=1)
    return [] if same.all() else np.flatnonzero(same).tolist()


def repeated_slices(image: np.ndarray) -> list[int]:
    """Slices (of x, y, z, t) that the next one repeats in all frames, without those that show nothing."""
    coarse = np.ascontiguousarray(image[::8, ::8])  # most slices differ here already
    return [
        index
        for index in range(image.shape[2] - 1)
        if np.array_equal(coarse[:, :, index], coarse[:, :, index + 1])
        and np.array_equal(image[:, :, index], image[:, :, index + 1])
        and np.ptp(image[:, :, index]) > 0
    ]


def _ends(black: list[int], n_slices: int) -> list[int]:
    """The black slices that go on from either end of the stack."""
    ends = []
    for order in (range(n_slices), range(n_slices - 1, -1, -1)):
        for index in order:
            if index not in black:
                break
            ends.append(index)
    return ends
