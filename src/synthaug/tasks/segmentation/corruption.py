"""Synthetic cases corrupted on purpose: positive and negative controls of the pipeline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthaug.config.arms import Corruption
from synthaug.data.cohort import Cohort
from synthaug.tasks.corruption import label_donors, shuffle_voxels
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
    donor = label_donors(labelled, seed, cohort.name)

    def exchange(
        subject: str, frame: int, image: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        other = donor[subject]
        place = chosen[subject].index(frame) % len(chosen[other])
        return image, stretch_stack(cohort.label_cine(other)[chosen[other][place]], len(labels))

    return exchange


def stretch_stack(labels: np.ndarray, n_slices: int) -> np.ndarray:
    """A stack (z, y, x) of labels with another number of slices, base to base and apex to apex."""
    return labels[np.round(np.linspace(0, len(labels) - 1, n_slices)).astype(int)]
