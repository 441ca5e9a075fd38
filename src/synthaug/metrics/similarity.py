"""Similarity of images that belong together: SSIM, PSNR, normalised mutual information, cross-correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthaug.metrics.agreement import pearson_correlation

#: Side of the smallest image that holds one of SSIM's windows.
_SSIM_WINDOW = 11


class SequenceSimilarity(NamedTuple):
    """One score of synthetic sequences, between what real ones allow; shape (n,) each.

    Attributes
    ----------
    synthetic : ndarray
        Each synthetic sequence against its source.
    upper : ndarray
        The source against the other real sequence of its subject.
    lower : ndarray
        The source against that sequence of another subject.
    """

    synthetic: np.ndarray
    upper: np.ndarray
    lower: np.ndarray


def structural_similarity(first: np.ndarray, second: np.ndarray, data_range: float) -> float:
    """Structural similarity (SSIM), the mean over all images.

    Parameters
    ----------
    first, second : ndarray, shape (..., y, x)
        Images on one grid, at least 11 x 11 pixels; each is compared by itself.
    data_range : float
        Largest minus smallest intensity an image can have: 1 for harmonised cines.

    Returns
    -------
    float
        1 for equal images, without unit. Below 0 where structure is inverted.

    Raises
    ------
    ValueError
        The shapes differ, images are too small, a value is not finite, or the range is not positive.

    Notes
    -----
    scikit-image's, with the settings of Wang et al.: Gaussian window of 1.5 pixels, 11 pixels wide,
    K1 = 0.01, K2 = 0.03, covariances over n; windows lie inside the image.

    References
    ----------
    Wang et al., IEEE Trans. Image Process. 13, 2004.
    """
    from skimage.metrics import structural_similarity as ssim

    first, second = _check_images(first, second)
    _check_range(data_range)
    if first.ndim < 2 or min(first.shape[-2:]) < _SSIM_WINDOW:
        raise ValueError(f"SSIM needs images of at least 11 x 11 pixels; the shape is {first.shape}")
    images = (values.reshape(-1, *values.shape[-2:]) for values in (first, second))
    scores = [
        ssim(one, other, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        for one, other in zip(*images, strict=True)
    ]
    return float(np.mean(scores))


def peak_signal_to_noise_ratio(first: np.ndarray, second: np.ndarray, data_range: float) -> float:
    """Peak signal-to-noise ratio (PSNR) of all voxels together.

    Parameters
    ----------
    first, second : ndarray
        Images or sequences of one shape.
    data_range : float
        Largest minus smallest intensity an image can have: 1 for harmonised cines.

    Returns
    -------
    float
        10 log10(range^2 / mean squared error), in dB; infinite for equal images.

    Raises
    ------
    ValueError
        The shapes differ, nothing is given, a value is not finite, or the range is not positive.
    """
    first, second = _check_images(first, second)
    _check_range(data_range)
    error = float(np.mean((first - second) ** 2))
    return float(10 * np.log10(data_range**2 / error)) if error > 0 else float("inf")


def normalised_mutual_information(first: np.ndarray, second: np.ndarray, bins: int = 64) -> float:
    """Normalised mutual information (H(A) + H(B)) / H(A, B) of all voxels together.

    Parameters
    ----------
    first, second : ndarray
        Images or sequences of one shape.
    bins : int
        Histogram bins of each, from its smallest to its largest value.

    Returns
    -------
    float
        Between 1, independent, and 2, each determines the other; without unit. NaN where
        neither side varies.

    Raises
    ------
    ValueError
        The shapes differ, nothing is given, a value is not finite, or there are fewer than 2 bins.

    Notes
    -----
    scikit-image's. Few voxels in many bins raise it, so that numbers compare only between equal
    shapes and bins. Some papers print 2 I(A, B) / (H(A) + H(B)) instead, between 0 and 1: that is
    2 - 2 / NMI.

    References
    ----------
    Studholme et al., Pattern Recognit. 32, 1999.
    """
    from skimage.metrics import normalized_mutual_information

    first, second = _check_images(first, second)
    if bins < 2:
        raise ValueError(f"{bins} bins: at least 2 are needed")
    if np.ptp(first) == np.ptp(second) == 0:
        return float("nan")
    return float(np.clip(normalized_mutual_information(first, second, bins=bins), 1, 2))


def normalised_cross_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Normalised cross-correlation of all voxels together, without a shift.

    Parameters
    ----------
    first, second : ndarray
        Images or sequences of one shape.

    Returns
    -------
    float
        Pearson's correlation of the intensities: 1 where one is the other up to brightness and
        contrast, -1 where the contrast is inverted. NaN where one side does not vary.

    Raises
    ------
    ValueError
        The shapes differ, fewer than two voxels, or a value that is not finite.
    """
    first, second = _check_images(first, second)
    return pearson_correlation(first.ravel(), second.ravel())


def similarity_between_sequences(
    synthetic: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
    paired: Sequence[np.ndarray],
    seed: int = 0,
    data_range: float = 1.0,
    bins: int = 64,
) -> dict[str, SequenceSimilarity]:
    """Compare synthetic sequences with their sources, and both with what real sequences reach.

    Parameters
    ----------
    synthetic : sequence of n ndarrays, shape (..., y, x)
        One sequence a subject, made from that subject's `real` one.
    real : sequence of n ndarrays
        The sources, of at least two subjects.
    paired : sequence of n ndarrays
        A second real sequence of each subject, related to the first as the synthetic one is meant
        to be: another contrast, another phase, a repeated scan.
    seed : int
        Seed of the pairs of different subjects.
    data_range : float
        As in `structural_similarity`.
    bins : int
        As in `normalised_mutual_information`.

    Returns
    -------
    dict of str to SequenceSimilarity
        ``"ssim"``, ``"nmi"`` and ``"ncc"``, one score a subject.

    Raises
    ------
    ValueError
        Numbers or shapes that differ, fewer than two subjects, or what the scores refuse.

    Notes
    -----
    A synthetic sequence that keeps its subject scores near the upper bound, well above the lower; above the
    upper it is more like its source than a real sequence is, which a copy would be. For
    the lower bound every source and every paired sequence is used once, never of one subject.
    The paper's table has NMI below 1: another normalisation, which it does not name.

    References
    ----------
    Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images, table 2.
    """
    if not len(synthetic) == len(real) == len(paired) or len(real) < 2:
        raise ValueError(
            "as many synthetic, real and paired sequences are needed, of at least two subjects; "
            f"there are {len(synthetic)}, {len(real)} and {len(paired)}"
        )
    # Along a random circle through all subjects the next one is always another.
    circle = np.random.default_rng(seed).permutation(len(real))
    other = np.empty_like(circle)
    other[circle] = np.roll(circle, -1)
    compared = (synthetic, paired, [paired[index] for index in other])
    scores = {
        "ssim": lambda one, two: structural_similarity(one, two, data_range),
        "nmi": lambda one, two: normalised_mutual_information(one, two, bins),
        "ncc": normalised_cross_correlation,
    }
    return {
        name: SequenceSimilarity(
            *(
                np.array([score(*pair) for pair in zip(real, sequences, strict=True)])
                for sequences in compared
            )
        )
        for name, score in scores.items()
    }


def _check_images(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or not first.size:
        raise ValueError(f"images must have one shape and not be empty: {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("an intensity is not finite")
    return first, second


def _check_range(data_range: float) -> None:
    if not 0 < data_range < np.inf:
        raise ValueError(f"the data range is {data_range:g}; it must be above 0")
