"""Image-text similarity against vectors whose angles are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.features.image_text import clip_score, clip_similarity, clipsim

IMAGES = np.array([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0], [-1.0, -1.0]])
TEXTS = np.array([[4.0, 3.0], [0.0, 5.0], [7.0, 0.0], [1.0, 1.0]])


def test_cosines_of_known_vectors() -> None:
    # (3, 4) and (4, 3): 24 / 25; a right angle; the same direction; the opposite one.
    assert clip_similarity(IMAGES, TEXTS) == pytest.approx([0.96, 0, 1, -1], abs=1e-12)
    assert clip_similarity(1e-3 * IMAGES, 50 * TEXTS) == pytest.approx([0.96, 0, 1, -1], abs=1e-12)


def test_clip_score_is_a_percentage_that_ends_at_zero() -> None:
    assert clip_score(IMAGES, TEXTS) == pytest.approx([96, 0, 100, 0], abs=1e-10)


def test_clipsim_is_the_mean_over_frames() -> None:
    assert clipsim(IMAGES[[0, 1, 3]], np.array([4.0, 3.0])) == pytest.approx(
        (0.96 + 0.8 - 7 / (5 * 2**0.5)) / 3
    )
    # The order of the frames does not matter, and a negative frame counts as such.
    assert clipsim(IMAGES[[3, 0, 1]], np.array([4.0, 3.0])) == pytest.approx(
        clipsim(IMAGES[[0, 1, 3]], np.array([4.0, 3.0]))
    )
    assert clipsim(IMAGES[[2, 3]], np.array([1.0, 0.0])) == pytest.approx((1 - 2**-0.5) / 2)


@pytest.mark.parametrize(
    ("images", "texts", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), "equal in shape"),
        (np.ones(3), np.ones(3), "equal in shape"),
        (np.zeros((1, 3)), np.ones((1, 3)), "no direction"),
        (np.full((1, 3), np.nan), np.ones((1, 3)), "not finite"),
    ],
)
def test_what_has_no_angle_is_refused(images: np.ndarray, texts: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clip_similarity(images, texts)


def test_clipsim_needs_a_frame_and_one_text() -> None:
    for frames, text in (
        (np.ones((0, 3)), np.ones(3)),
        (np.ones((2, 3)), np.ones((2, 3))),
        (np.ones(3), np.ones(3)),
    ):
        with pytest.raises(ValueError, match="t at least 1"):
            clipsim(frames, text)
