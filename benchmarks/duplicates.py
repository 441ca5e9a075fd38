"""How far apart the hashes of different patients are, and of one patient saved twice.

python benchmarks/duplicates.py COHORT [COHORT ...]
"""

from __future__ import annotations

import sys
import time

import numpy as np

from synthaug.data.cohort import Cohort
from synthaug.measures.duplicates import hash_cine, hash_distances


def altered(cine: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
    """One patient's cine as another export might hold it."""
    return {
        "noise of 0.03": (cine + 0.03 * random.standard_normal(cine.shape)).clip(0, 1),
        "grey scale": 0.9 * cine**1.2,
        "one voxel": np.roll(cine, 1, axis=-1),
        "three voxels": np.roll(cine, (3, -2), axis=(-2, -1)),
        "next frame first": np.roll(cine, 1, axis=0),
        "mirrored, turned": np.rot90(cine[..., ::-1], 1, axes=(-2, -1)),
        "voxel, noise, grey scale": (
            np.roll(cine, 1, axis=-2) ** 1.1 + 0.02 * random.standard_normal(cine.shape)
        ).clip(0, 1),
    }


def main() -> None:
    """Print the smallest distance between patients and the largest between copies."""
    cohort = Cohort.open_all(sys.argv[1:])
    start = time.perf_counter()
    hashes = np.stack([hash_cine(cohort.cine(subject)) for subject in cohort.subjects])
    hashed = time.perf_counter()
    between = hash_distances(hashes)[np.triu_indices(len(hashes), 1)]
    done = time.perf_counter()
    print(f"{len(hashes)} subjects: {hashed - start:.1f} s to hash, {done - hashed:.1f} s to compare")
    print(f"different: smallest {between.min():.3f}, 1st percentile {np.quantile(between, 0.01):.3f}")
    random = np.random.default_rng(0)
    found: dict[str, list[float]] = {}
    for subject, own in zip(cohort.subjects, hashes, strict=True):
        for name, copy in altered(cohort.cine(subject), random).items():
            found.setdefault(name, []).append(hash_distances(np.stack([own, hash_cine(copy)]))[0, 1])
    for name, distances in found.items():
        print(f"{name}: largest {max(distances):.3f}")


if __name__ == "__main__":
    main()
