"""What a corruption on purpose does to the synthetic subjects of any task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.core.errors import SynthaugError


def label_donors(subjects: Sequence[str], seed: int, cohort: str) -> dict[str, str]:
    """Whose labels each subject gets: a cyclic permutation in random order gives every one those of another.

    Parameters
    ----------
    subjects : sequence of str
        Labelled synthetic subjects.
    seed : int
        Seed of the order.
    cohort : str
        Name of their cohort, for the message.

    Raises
    ------
    SynthaugError
        Fewer than two subjects.
    """
    if len(subjects) < 2:
        raise SynthaugError(
            f"{cohort}: {len(subjects)} labelled subject cannot exchange labels; raise the dose"
        )
    circle = np.random.default_rng(seed).permutation(list(subjects)).tolist()
    return dict(zip(circle, circle[1:] + circle[:1], strict=True))


def shuffle_voxels(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The voxels of a volume in another order: noise of exactly its histogram."""
    return random.permutation(image.reshape(-1)).reshape(image.shape)
