"""Synthetic cases corrupted on purpose: positive and negative controls of the pipeline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthaug.config.arms import Corruption
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.tasks.segmentation.cases import Frames, labelled_frames_of

#: Takes subject, frame, image and labels, both (z, y, x); returns image and labels as they are written.
Corrupt = Callable[[str, int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def uncorrupted(
    subject: str, frame: int, image: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The case as it is."""
    return image, labels


def corrupt_cases(cohort: Cohort, frames: Frames, corruption: Corruption, seed: int) -> Corrupt:
    """A function that corrupts the cases of a cohort.

    Parameters
    ----------
    cohort : Cohort
        Synthetic subjects.
    frames : {"ed_es", "all"}
        Their frames that become cases.
    corruption : {"none", "labels", "images"}
        ``"labels"``: a case gets the labels of another subject, at the frame of the same place in its
        list, the stack stretched to as many slices. ``"images"``: the voxels of the volume are shuffled.
    seed : int
        Seed of who gets whose labels, and of the shuffling.

    Raises
    ------
    SynthaugError
        Fewer than two labelled subjects to exchange labels between.
    """
    if corruption == "none":
        return uncorrupted
    if corruption == "images":
        return lambda subject, frame, image, labels: (
            shuffle_voxels(image, np.random.default_rng([seed, cohort.subjects.index(subject), frame])),
            labels,
        )
    chosen = {subject: labelled_frames_of(cohort, subject, frames) for subject in cohort.subjects}
    labelled = [subject for subject in cohort.subjects if chosen[subject]]
    if len(labelled) < 2:
        raise SynthaugError(
            f"{cohort.name}: {len(labelled)} labelled subject cannot exchange labels; raise the dose"
        )
    # A cyclic permutation in random order gives every subject the labels of another one.
    circle = np.random.default_rng(seed).permutation(labelled).tolist()
    donor = dict(zip(circle, circle[1:] + circle[:1], strict=True))

    def exchange(
        subject: str, frame: int, image: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        other = donor[subject]
        place = chosen[subject].index(frame) % len(chosen[other])
        return image, stretch_stack(cohort.label_cine(other)[chosen[other][place]], len(labels))

    return exchange


def shuffle_voxels(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The voxels of a volume in another order: noise of exactly its histogram."""
    return random.permutation(image.reshape(-1)).reshape(image.shape)


def stretch_stack(labels: np.ndarray, n_slices: int) -> np.ndarray:
    """A stack (z, y, x) of labels with another number of slices, base to base and apex to apex."""
    return labels[np.round(np.linspace(0, len(labels) - 1, n_slices)).astype(int)]
