"""Similarity of images: identical, inverted and independent ones, and the bounds real pairs set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthaug.metrics import (
    normalised_cross_correlation,
    normalised_mutual_information,
    peak_signal_to_noise_ratio,
    similarity_between_sequences,
    structural_similarity,
)

RNG = np.random.default_rng(0)
IMAGE = RNG.random((24, 32))


def test_an_image_and_itself() -> None:
    assert structural_similarity(IMAGE, IMAGE, 1.0) == pytest.approx(1)
    assert normalised_mutual_information(IMAGE, IMAGE, 16) == pytest.approx(2)
    assert normalised_cross_correlation(IMAGE, IMAGE) == pytest.approx(1)


def test_inverted_contrast() -> None:
    inverted = 1 - IMAGE
    assert structural_similarity(IMAGE, inverted, 1.0) < 0
    assert normalised_cross_correlation(IMAGE, inverted) == pytest.approx(-1)
    # Each bin of one is a bin of the other: no information is lost.
    levels = RNG.integers(0, 8, (24, 32))
    assert normalised_mutual_information(levels, 7 - levels, 8) == pytest.approx(2)


def test_ssim_of_flat_images() -> None:
    # No structure: (2 a b + C1) / (a^2 + b^2 + C1) with C1 = (0.01 * range)^2.
    dark, bright = np.full((16, 16), 0.25), np.full((16, 16), 0.75)
    for data_range in (1.0, 4.0):
        c1 = (0.01 * data_range) ** 2
        expected = (2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1)
        assert structural_similarity(dark, bright, data_range) == pytest.approx(expected)


def test_ssim_takes_each_image_by_itself() -> None:
    cine = RNG.random((2, 3, 16, 20))
    other = cine.copy()
    other[1, 2] = 1 - other[1, 2]
    one = structural_similarity(cine[1, 2], other[1, 2], 1.0)
    assert structural_similarity(cine, other, 1.0) == pytest.approx((5 + one) / 6)


def test_psnr_by_hand() -> None:
    # An error of 0.1 everywhere: 10 log10(range^2 / 0.01).
    assert peak_signal_to_noise_ratio(IMAGE, IMAGE + 0.1, 1.0) == pytest.approx(20)
    assert peak_signal_to_noise_ratio(IMAGE, IMAGE + 0.1, 10.0) == pytest.approx(40)
    assert peak_signal_to_noise_ratio(IMAGE, IMAGE, 1.0) == math.inf
    with pytest.raises(ValueError, match="data range is 0"):
        peak_signal_to_noise_ratio(IMAGE, IMAGE, 0)


def test_mutual_information_by_hand() -> None:
    # H(A) = ln 2, H(B) of (3/4, 1/4), H(A, B) of (1/2, 1/4, 1/4) = 1.5 ln 2.
    first, second = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    h_second = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    expected = (math.log(2) + h_second) / (1.5 * math.log(2))
    assert normalised_mutual_information(first, second, 2) == pytest.approx(expected)
    # Rows say nothing about columns, a flat image nothing about any.
    rows, columns = np.indices((8, 8))
    assert normalised_mutual_information(rows, columns, 8) == pytest.approx(1)
    assert normalised_mutual_information(rows, np.ones((8, 8)), 8) == pytest.approx(1)
    assert math.isnan(normalised_mutual_information(np.zeros(4), np.ones(4), 8))


def test_cross_correlation_by_hand() -> None:
    # Deviations (-1, 0, 1) and (-1, 1, 0): 1 / sqrt(2 * 2).
    assert normalised_cross_correlation(np.array([1, 2, 3]), np.array([1, 3, 2])) == pytest.approx(0.5)
    assert normalised_cross_correlation(IMAGE, 3 * IMAGE + 5) == pytest.approx(1)
    assert math.isnan(normalised_cross_correlation(IMAGE, np.ones_like(IMAGE)))


def cines(n: int, noise: float, seed: int) -> list[np.ndarray]:
    """One bright blob a subject, at a place of its own, in two frames; noise differs between seeds."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((32, 32))
    blobs = [np.exp(-((y - 8 - 3 * i) ** 2 + (x - 24 + 3 * i) ** 2) / 40) for i in range(n)]
    return [np.clip(blob + noise * rng.standard_normal((2, 32, 32)), 0, 1) for blob in blobs]


def test_synthetic_lies_between_the_bounds() -> None:
    real, paired, synthetic = cines(6, 0.02, 1), cines(6, 0.02, 2), cines(6, 0.1, 3)
    scores = similarity_between_sequences(synthetic, real, paired, seed=0, bins=16)
    assert set(scores) == {"ssim", "nmi", "ncc"}
    for score in scores.values():
        assert [values.shape for values in score] == [(6,)] * 3
        assert score.upper.mean() > score.synthetic.mean() > score.lower.mean()
    again = similarity_between_sequences(synthetic, real, paired, seed=0, bins=16)
    assert all(np.array_equal(again[name], scores[name]) for name in scores)


def test_bounds_pair_whom_they_say() -> None:
    # Of two subjects the other one is the only different one; a copy reaches 1.
    real, paired = cines(2, 0.05, 1), cines(2, 0.05, 2)
    score = similarity_between_sequences(real, real, paired, seed=4)["ncc"]
    assert score.synthetic == pytest.approx([1, 1])
    assert score.upper == pytest.approx([normalised_cross_correlation(real[i], paired[i]) for i in (0, 1)])
    assert score.lower == pytest.approx(
        [normalised_cross_correlation(real[i], paired[1 - i]) for i in (0, 1)]
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_lower_bound_never_pairs_a_subject_with_itself(seed: int) -> None:
    # Subjects that are alike only to themselves: any pair of one subject would score 1.
    patterns = [np.random.default_rng(i).random((12, 12)) for i in range(5)]
    score = similarity_between_sequences(patterns, patterns, patterns, seed=seed)["ncc"]
    assert score.upper == pytest.approx(np.ones(5))
    assert (score.lower < 0.5).all()


def test_refusals() -> None:
    for function in (normalised_cross_correlation, normalised_mutual_information):
        with pytest.raises(ValueError, match="shape"):
            function(IMAGE, IMAGE[1:])
        with pytest.raises(ValueError, match="finite"):
            function(IMAGE, np.full_like(IMAGE, np.nan))
    with pytest.raises(ValueError, match="11 x 11"):
        structural_similarity(IMAGE[:10], IMAGE[:10], 1.0)
    with pytest.raises(ValueError, match="data range"):
        structural_similarity(IMAGE, IMAGE, 0.0)
    with pytest.raises(ValueError, match="bins"):
        normalised_mutual_information(IMAGE, IMAGE, 1)
    with pytest.raises(ValueError, match="two subjects"):
        similarity_between_sequences([IMAGE], [IMAGE], [IMAGE], seed=0)
    with pytest.raises(ValueError, match="3, 2 and 2"):
        similarity_between_sequences([IMAGE] * 3, [IMAGE] * 2, [IMAGE] * 2, seed=0)
