"""Real cines damaged in known ways: what a distance should notice if it is to be believed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

from synthaug.data.cohort import Cohort
from synthaug.features.base import Extractor
from synthaug.features.files import FeatureSet

Damage = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def add_noise(strength: float) -> Damage:
    """Gaussian noise of a standard deviation in units of the intensity range."""
    return lambda cine, random: np.clip(cine + strength * random.standard_normal(cine.shape), 0, 1)


def blur(width_voxels: float) -> Damage:
    """Gaussian blur within each slice of each frame; the width is its standard deviation."""
    return lambda cine, random: ndimage.gaussian_filter(cine, (0, 0, width_voxels, width_voxels))


def shuffle_frames(cine: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every image is real, the motion is not."""
    return cine[random.permutation(len(cine))]


def shuffle_slices(cine: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every slice beats as it should, the anatomy does not hang together."""
    return cine[:, random.permutation(cine.shape[1])]


#: Damage by name, weakest first where there are several strengths.
PROBES: dict[str, Damage] = {
    "noise 0.05": add_noise(0.05),
    "noise 0.1": add_noise(0.1),
    "noise 0.2": add_noise(0.2),
    "blur 0.5 voxels": blur(0.5),
    "blur 1 voxel": blur(1),
    "blur 2 voxels": blur(2),
    "frames shuffled": shuffle_frames,
    "slices shuffled": shuffle_slices,
}
#: The damages that a generator is held against: no motion left, and a blur that one sees at once.
CONTROLS = ("frames shuffled", "blur 1 voxel")


def damage(cine: np.ndarray, probe: str, subject: str, seed: int) -> np.ndarray:
    """A damaged copy of a cine (t, z, y, x) in [0, 1]; subject and seed determine it."""
    random = np.random.default_rng([seed, zlib.crc32(f"{probe} {subject}".encode())])
    return PROBES[probe](cine, random).astype(np.float32)


def extract_probes(
    cohort: Cohort,
    extractor: Extractor,
    subjects: Sequence[str],
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, FeatureSet]:
    """Features of some real subjects as they are and after every damage, one cine in memory at a time.

    Parameters
    ----------
    cohort : Cohort
        Real subjects.
    extractor : Extractor
        What the distances are measured with.
    subjects : sequence of str
        Whose cines are damaged.
    seed : int
        Seed of the damages.
    progress : callable, optional
        Called with the subjects done and to do.

    Returns
    -------
    dict of str to FeatureSet
        By name of the damage; ``""`` are the undamaged cines.
    """
    found: dict[str, dict[str, list[np.ndarray]]] = {probe: {} for probe in ("", *PROBES)}
    for done, subject in enumerate(subjects, start=1):
        cine = cohort.cine(subject)
        for probe, features in found.items():
            shown = damage(cine, probe, subject, seed) if probe else cine
            for kind, rows in extractor.extract(shown).items():
                features.setdefault(kind, []).append(rows)
        if progress:
            progress(done, len(subjects))
    return {
        probe: FeatureSet(tuple(subjects), features, extractor.id, extractor.whiten, extractor.seen)
        for probe, features in found.items()
    }
