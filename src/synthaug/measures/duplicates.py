"""Subjects who look like one patient: near-duplicates by perceptual hashes, wherever they came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort

COLUMNS = ("first", "second", "distance", "apart")
_SIDE = 16  # 256 bits an image; the 64 of a plain hash do not tell phantoms of one size apart
_TIMES = (0, 1 / 3, 2 / 3)  # of the beat, ED first
_DEPTHS = (0.3, 0.5, 0.7)  # of the stack, where every heart has slices
_SHIFT = 2  # voxels; a hash itself forgives one
_SHIFTS = tuple((y, x) for y in (-_SHIFT, 0, _SHIFT) for x in (-_SHIFT, 0, _SHIFT) if (y, x) != (0, 0))
_BLOCK = 512  # subjects compared with one at once, so that what is in memory stays in the processor's cache
_NAMED = 10  # pairs that an error names; the others are counted


def find_duplicates(cohort: Cohort, distance: float) -> pd.DataFrame:
    """Pairs of subjects who look like one patient.

    Parameters
    ----------
    cohort : Cohort
        Real subjects of all datasets of a study, harmonised.
    distance : float
        Largest share of differing bits that makes a pair. Found in nine images (three frames of
        three slices), of which the median counts: two patients agree in one image now and then, not in most.

    Returns
    -------
    DataFrame
        Columns first, second, distance; nearest pairs first.

    Notes
    -----
    Images saved again with noise, another scale of grey, another phase or moved by a voxel differ in at most
    0.16 of the bits; turned, mirrored or moved by up to three voxels they are looked for besides.
    Different patients differ in at least 0.35 (33 patients of ACDC) and different phantoms in at least
    0.24 (``benchmarks/duplicates.py``); the default of 0.2 lies between.

    References
    ----------
    The hash is ImageHash's `phash`: signs of the low frequencies of the cosine transform, against their median.
    """
    subjects = cohort.subjects
    first, second, found = near_pairs(
        np.array([hash_cine(cohort.cine(subject)) for subject in subjects]), distance
    )
    pairs = pd.DataFrame(
        {
            "first": [subjects[index] for index in first],
            "second": [subjects[index] for index in second],
            "distance": found,
        }
    )
    return pairs.sort_values("distance", kind="stable", ignore_index=True)


def hash_cine(cine: np.ndarray) -> np.ndarray:
    """Perceptual hashes of a cine, as it is and as its copies may be turned or moved.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].

    Returns
    -------
    ndarray, shape (16, 9, 4), uint64
        Views (the first is the cine itself; quarter turns, mirror images, shifts of two voxels), images,
        256 bits.
    """
    t, z = cine.shape[:2]
    images = cine[[int(t * time) for time in _TIMES]][:, [round((z - 1) * depth) for depth in _DEPTHS]]
    images = images.reshape(-1, *cine.shape[2:])
    views = [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]
    views += [view[..., ::-1] for view in views]
    views += [np.roll(images, shift, axis=(1, 2)) for shift in _SHIFTS]
    return np.stack([[_hash(image) for image in view] for view in views])


def hash_distances(hashes: np.ndarray) -> np.ndarray:
    """Median share of differing bits of each pair, in the view of either in which they are most alike.

    Parameters
    ----------
    hashes : ndarray, shape (n, views, images, words), uint64
        From `hash_cine`.

    Returns
    -------
    ndarray, shape (n, n)
        Symmetric, 0 on the diagonal; about 0.5 for images that have nothing to do with each other.
    """
    bits = 64 * hashes.shape[-1]
    one_way = np.array(
        [
            np.median(np.bitwise_count(own[0] ^ hashes).sum(axis=-1), axis=-1).min(axis=-1) / bits
            for own in hashes
        ]
    )
    return np.minimum(one_way, one_way.T)


def near_pairs(hashes: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that are no farther apart than a distance; time is quadratic in n, memory is not.

    Parameters
    ----------
    hashes : ndarray, shape (n, views, images, words), uint64
        From `hash_cine`; an odd number of images.
    distance : float
        Largest share of differing bits (`hash_distances`).

    Returns
    -------
    first, second : ndarray of int, shape (n_pairs,)
        Indices, first < second, in order.
    distances : ndarray, shape (n_pairs,)
    """
    bits, needed = 64 * hashes.shape[-1], hashes.shape[2] // 2 + 1
    most = int(np.floor(distance * bits + 1e-9))
    # Words outermost and subjects innermost, so that every step runs over long arrays.
    words = np.ascontiguousarray(hashes.transpose(3, 2, 1, 0))
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(hashes), _BLOCK):
        block = np.ascontiguousarray(words[..., start : start + _BLOCK])
        for one, own in enumerate(hashes):
            # Half of the images at least must be near in one view: that is what a median says.
            differing = sum(
                np.bitwise_count(block[word] ^ own[0, :, word, None, None]).astype(np.uint16)
                for word in range(len(block))
            )
            near = ((differing <= most).sum(axis=0, dtype=np.uint8) >= needed).any(axis=0)
            for other in np.flatnonzero(near):
                pair = min(one, start + int(other)), max(one, start + int(other))
                apart = float(np.median(differing[..., other], axis=0).min() / bits)
                found[pair] = min(found.get(pair, 1.0), apart)
    pairs = sorted(pair for pair in found if pair[0] < pair[1])
    first, second = np.array(pairs, int).reshape(-1, 2).T
    return first, second, np.array([found[pair] for pair in pairs], float)


def say_roles(pairs: pd.DataFrame, splits: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Add the column `apart`: the first fold in which the two have roles that must not share a patient.

    Parameters
    ----------
    pairs : DataFrame
        From `find_duplicates`.
    splits : sequence of DataFrame
        One a fold (`synthaug.data.splits.make_splits`).

    Returns
    -------
    DataFrame
        With `COLUMNS`; `apart` is empty for a pair that is always on one side, or of which one is unused.
    """
    roles = [dict(zip(split["subject"], split["role"], strict=True)) for split in splits]

    def apart(first: str, second: str) -> str:
        for fold, role in enumerate(roles):
            sides = [role[subject] for subject in (first, second)]
            if "unused" not in sides and len({side.removesuffix("_within") for side in sides}) > 1:
                return f"{sides[0]} and {sides[1]} in fold {fold}"
        return ""

    said = [apart(first, second) for first, second in zip(pairs["first"], pairs["second"], strict=True)]
    return pairs.assign(apart=pd.Series(said, index=pairs.index, dtype=str))[list(COLUMNS)]


def refuse_duplicates(pairs: pd.DataFrame) -> None:
    """Stop where subjects who look like one patient are on two sides.

    Raises
    ------
    SynthaugError
        Names the pairs, one a line, with what to declare.
    """
    leaks = pairs[pairs["apart"] != ""]
    if leaks.empty:
        return
    lines = [
        f"{first} and {second} look like one patient ({distance:.3f} of the bits of their images differ) "
        f"and are {apart}; if they are one, add [{first}, {second}] to split.same_patient, "
        "if not, set split.duplicates.action: allow"
        for first, second, distance, apart in leaks.head(_NAMED).itertuples(index=False)
    ]
    if len(leaks) > _NAMED:
        lines.append(f"and {len(leaks) - _NAMED} pairs more; is a dataset given twice under two names?")
    raise SynthaugError("\n".join(lines))


def _hash(image: np.ndarray) -> np.ndarray:
    import imagehash
    from PIL import Image

    grey = Image.fromarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))
    return np.packbits(imagehash.phash(grey, hash_size=_SIDE).hash).view(np.uint64)
