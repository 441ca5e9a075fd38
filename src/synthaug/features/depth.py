"""Features of images by where in the stack they lie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Thirds of the stack from the base down, in which hearts of any number of slices compare.
THIRDS = ("basal", "middle", "apical")


def with_thirds(features: Mapping[str, np.ndarray], n_slices: int) -> dict[str, np.ndarray]:
    """The features of one cine, those of its images also by thirds of the stack.

    Parameters
    ----------
    features : mapping of str to ndarray
        From `Extractor.extract`; ``"frames"``, where it is there, is (t * z, d), time outermost.
    n_slices : int
        z of the cine.

    Returns
    -------
    dict of str to ndarray
        The same, and for each of `THIRDS` (t * slices in it, d). A stack of 11 has 4, 4 and 3 slices;
        one of fewer than 3 has none in the last thirds, and no entry for any.
    """
    found = dict(features)
    if "frames" in found and n_slices >= len(THIRDS):
        stack = found["frames"].reshape(-1, n_slices, found["frames"].shape[1])
        for third, part in zip(THIRDS, np.array_split(stack, len(THIRDS), axis=1), strict=True):
            found[third] = part.reshape(-1, part.shape[2])
    return found
