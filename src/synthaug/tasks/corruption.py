"""What a corruption on purpose does to the synthetic subjects of any task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from synthaug.core.errors import SynthaugError


def label_donors(
    subjects: Sequence[str], seed: int, cohort: str, classes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Whose labels each subject gets: a cyclic permutation in random order gives every one those of another.

    Parameters
    ----------
    subjects : sequence of str
        Labelled synthetic subjects.
    seed : int
        Seed of the order.
    cohort : str
        Name of their cohort, for the message.
    classes : mapping of str to str, optional
        Class of each subject: the donor is of another one, as far as no class has more than half of the subjects.

    Raises
    ------
    SynthaugError
        Fewer than two subjects, or than two classes.
    """
    if len(subjects) < 2:
        raise SynthaugError(
            f"{cohort}: {len(subjects)} labelled subject cannot exchange labels; raise the dose"
        )
    circle, step = np.random.default_rng(seed).permutation(list(subjects)).tolist(), 1
    if classes is not None:
        sizes = Counter(classes[subject] for subject in circle)
        if len(sizes) < 2:
            raise SynthaugError(
                f"{cohort}: all synthetic subjects are {next(iter(sizes))} and cannot exchange labels; raise the dose"
            )
        circle.sort(key=lambda subject: classes[subject])
        step = max(sizes.values())  # past all of the own class
    return dict(zip(circle, circle[step:] + circle[:step], strict=True))


def shuffle_voxels(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The voxels of a volume in another order: noise of exactly its histogram."""
    return random.permutation(image.reshape(-1)).reshape(image.shape)
