"""Corruptions of real cines: noise, blur, shuffled frames and slices, to which distances should respond."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from synthaug.data.cohort import Cohort
from synthaug.features.base import Extractor
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement

Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def add_noise(strength: float) -> Corruption:
    """Gaussian noise of a standard deviation in units of the intensity range."""
    return lambda cine, random: np.clip(cine + strength * random.standard_normal(cine.shape), 0, 1)


def blur(width_voxels: float) -> Corruption:
    """Gaussian blur within each slice of each frame; the width is its standard deviation."""
    return lambda cine, random: ndimage.gaussian_filter(cine, (0, 0, width_voxels, width_voxels))


def shuffle_frames(cine: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every image is real, the motion is not."""
    return cine[random.permutation(len(cine))]


def shuffle_slices(cine: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every slice beats as it should, the anatomy does not hang together."""
    return cine[:, random.permutation(cine.shape[1])]


#: Corruption by name, weakest first where there are several strengths.
CORRUPTIONS: dict[str, Corruption] = {
    "noise 0.05": add_noise(0.05),
    "noise 0.1": add_noise(0.1),
    "noise 0.2": add_noise(0.2),
    "blur 0.5 voxels": blur(0.5),
    "blur 1 voxel": blur(1),
    "blur 2 voxels": blur(2),
    "frames shuffled": shuffle_frames,
    "slices shuffled": shuffle_slices,
}
#: Corruptions that generators are compared with: no motion left, and a visible blur.
CONTROLS = ("frames shuffled", "blur 1 voxel")


def corrupt(cine: np.ndarray, corruption: str, subject: str, seed: int) -> np.ndarray:
    """A corrupted copy of a cine (t, z, y, x) in [0, 1]; subject and seed determine it."""
    random = np.random.default_rng([seed, zlib.crc32(f"{corruption} {subject}".encode())])
    return CORRUPTIONS[corruption](cine, random).astype(np.float32)


def extract_corrupted(
    cohort: Cohort, extractor: Extractor, measurement: Measurement
) -> dict[str, FeatureSet]:
    """Features of real subjects as they are and after every corruption, one cine in memory at a time.

    Parameters
    ----------
    cohort : Cohort
        Real subjects, all of whom are corrupted.
    extractor : Extractor
        What the distances are measured with.
    measurement : Measurement
        Seed of the corruptions. Progress counts subjects.

    Returns
    -------
    dict of str to FeatureSet
        By name of the corruption; ``""`` are the cines as they are.
    """
    subjects, seed = cohort.subjects, measurement.settings.seed
    found: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in ("", *CORRUPTIONS)}
    for done, subject in enumerate(subjects, start=1):
        cine = cohort.cine(subject)
        for corruption, features in found.items():
            shown = corrupt(cine, corruption, subject, seed) if corruption else cine
            for kind, rows in extractor.extract(shown).items():
                features.setdefault(kind, []).append(rows)
        measurement.report(done, len(subjects))
    return {
        corruption: FeatureSet(tuple(subjects), features, extractor.id, extractor.whiten, extractor.seen)
        for corruption, features in found.items()
    }
