"""Agreement of images with text, from features that an image-text network (CLIP or similar) made of both."""

from __future__ import annotations

import numpy as np


def clip_similarity(image_features: np.ndarray, text_features: np.ndarray) -> np.ndarray:
    """Cosine similarity of each image with its own text.

    Parameters
    ----------
    image_features, text_features : ndarray, shape (n, d)
        Row i of both belongs together. Their lengths do not matter.

    Returns
    -------
    ndarray, shape (n,)
        In [-1, 1].

    Raises
    ------
    ValueError
        Not (n, d) and equal, a value that is not finite, or a row of zeros, which has no direction.
    """
    images, texts = np.asarray(image_features, np.float64), np.asarray(text_features, np.float64)
    if images.ndim != 2 or images.shape != texts.shape:
        raise ValueError(
            f"features must be (n, d) and equal in shape; they are {images.shape} and {texts.shape}"
        )
    if not (np.isfinite(images).all() and np.isfinite(texts).all()):
        raise ValueError("features hold a value that is not finite")
    lengths = np.linalg.norm(images, axis=1) * np.linalg.norm(texts, axis=1)
    if not lengths.all():
        raise ValueError("a row of features is all zeros and has no direction")
    return np.clip((images * texts).sum(axis=1) / lengths, -1, 1)


def clip_score(image_features: np.ndarray, text_features: np.ndarray) -> np.ndarray:
    """CLIP score of each image with its own text: 100 max(cos, 0), as it is usually reported.

    Parameters
    ----------
    image_features, text_features : ndarray, shape (n, d)
        As for `clip_similarity`.

    Returns
    -------
    ndarray, shape (n,)
        In [0, 100]. The paper's own factor is 2.5.

    References
    ----------
    Hessel et al., CLIPScore, EMNLP 2021.
    """
    return 100 * np.maximum(clip_similarity(image_features, text_features), 0)


def clipsim(frame_features: np.ndarray, text_feature: np.ndarray) -> float:
    """CLIPSIM of a clip with one text: the mean over frames of their cosine similarity.

    Parameters
    ----------
    frame_features : ndarray, shape (t, d)
        At least one frame.
    text_feature : ndarray, shape (d,)

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    ValueError
        As for `clip_similarity`, or no frame.

    References
    ----------
    Wu et al., GODIVA, arXiv 2104.14806, 2021.
    """
    frames, text = np.asarray(frame_features), np.asarray(text_feature)
    if frames.ndim != 2 or len(frames) == 0 or text.shape != frames.shape[1:]:
        raise ValueError(
            f"features must be (t, d) and (d,), t at least 1; they are {frames.shape} and {text.shape}"
        )
    return float(clip_similarity(frames, np.broadcast_to(text, frames.shape)).mean())
