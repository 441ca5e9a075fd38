"""Similarity of cines, invariant to quarter turns, mirror images and shifts in time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from synthaug.data.cohort import Cohort

_DEPTHS = 3  # thirds of the stack, in which hearts of any number of slices compare
_SIDE = 16  # pixels a side: coarse enough to forgive a shift of a few voxels


def describe_cines(cohort: Cohort, subjects: Iterable[str]) -> np.ndarray:
    """Small copies of cines, one in memory at a time.

    Parameters
    ----------
    cohort : Cohort
        All subjects have one number of frames.
    subjects : iterable of str
        Whose cines.

    Returns
    -------
    ndarray, shape (n, t, 3, 16, 16), float32
        Every frame, averaged over thirds of the stack and over blocks of the plane.
    """
    return np.stack([describe_cine(cohort.cine(subject)) for subject in subjects])


def describe_cine(cine: np.ndarray) -> np.ndarray:
    """Small copy (t, 3, 16, 16) of one cine (t, z, y, x)."""
    import torch
    from torch.nn.functional import adaptive_avg_pool3d

    return np.asarray(
        adaptive_avg_pool3d(torch.from_numpy(np.ascontiguousarray(cine)), (_DEPTHS, _SIDE, _SIDE))
    )


def similarity(queries: np.ndarray, references: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Largest correlation of each query with each reference over what keeps a patient the same.

    Parameters
    ----------
    queries, references : ndarray, shape (n, t, z, y, x), (m, t, z, y, x)
        From `describe_cines`.
    centre : ndarray, shape (z, y, x)
        Mean over training patients and time. It is subtracted first, because what all hearts have in common
        would make every pair similar.

    Returns
    -------
    ndarray, shape (n, m)
        Pearson correlation, at most 1; the largest over cyclic shifts in time, quarter turns (half turns
        where the plane is not square) and mirror images of the query.

    References
    ----------
    Dar et al., Unconditional latent diffusion models memorize patient imaging data, 2024, judge copies by
    correlation in a learned space that is invariant to flips and rotations; here the invariance is exact and
    holds for shifts in time, too.
    """
    n, t, *_ = queries.shape
    spectra = np.fft.rfft(_standardised(references - centre), axis=1)
    best = np.full((n, len(references)), -np.inf)
    square = queries.shape[-1] == queries.shape[-2]
    for turns in range(4) if square else (0, 2):
        for mirrored in (False, True):
            moved = np.rot90(queries, turns, axes=(-2, -1))
            moved = moved[..., ::-1] if mirrored else moved
            own = np.fft.rfft(_standardised(moved - centre), axis=1)
            # Correlation theorem: all cyclic shifts in time at once.
            products = np.einsum("nfp,mfp->nmf", own.conj(), spectra)
            best = np.maximum(best, np.fft.irfft(products, n=t, axis=2).max(axis=2))
    return best


def _standardised(cines: np.ndarray) -> np.ndarray:
    """Zero mean and unit length of each whole cine, as (n, t, pixels)."""
    flat = cines.reshape(len(cines), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return (flat / np.where(length > 0, length, 1)).reshape(len(cines), cines.shape[1], -1)
