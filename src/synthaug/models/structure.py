"""Structural input of a control branch: label maps or Canny edges, with frames that may be unknown."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from synthaug.labels import STRUCTURES, UNLABELLED

#: Thresholds of the gradient on the scale 0 to 255, as in the paper.
LOW, HIGH = 100.0, 200.0


def label_channels(structure: Tensor) -> Tensor:
    """Label maps (b, t, z, y, x) as (b, t, 4, z, y, x): LV, MYO and RV one-hot, then 1 where they are known.

    All channels are 0 where the labels are `UNLABELLED`.
    """
    parts = [structure == label for label in STRUCTURES.values()]
    return torch.stack([*parts, structure != UNLABELLED], dim=2).float()


def edge_channels(structure: Tensor) -> Tensor:
    """Edges (b, t, z, y, x), 1 or 0, as (b, t, 2, z, y, x): the edges, then 1 where they are known."""
    return torch.stack([structure == 1, structure != UNLABELLED], dim=2).float()


def canny_edges(images: np.ndarray, low: float = LOW, high: float = HIGH) -> np.ndarray:
    """Canny edges of each image.

    Parameters
    ----------
    images : ndarray, shape (..., y, x)
        Intensities in [0, 1].
    low, high : float
        Thresholds of the hysteresis: magnitude of the 3 x 3 Sobel gradient of intensities in 0 to 255. An edge between
        the two counts where it touches one above `high`.

    Returns
    -------
    ndarray of bool, shape (..., y, x)

    Notes
    -----
    scikit-image's, without smoothing and with the Euclidean norm of the gradient. OpenCV's default, which the paper
    does not name, adds the absolute values of both directions instead: its diagonal edges are found a little earlier.

    References
    ----------
    Canny, IEEE Trans. Pattern Anal. Mach. Intell. 8, 1986; Kim et al., Controllable Text-to-Image Synthesis for
    Multi-Modality MR Images, section 4.2 (100 and 200).
    """
    from skimage.feature import canny

    planes = np.round(255 * np.asarray(images, np.float64)).reshape(-1, *images.shape[-2:])
    found = [
        canny(plane, sigma=0, low_threshold=low, high_threshold=high, mode="nearest") for plane in planes
    ]
    return np.stack(found).reshape(images.shape)


def label_edges(labels: np.ndarray) -> np.ndarray:
    """Canny edges of label maps (..., y, x) painted in equal steps of grey, LV brightest; uint8, `UNLABELLED` kept."""
    grey = np.zeros(256)
    for place, label in enumerate(reversed(STRUCTURES.values()), start=1):
        grey[label] = place / len(STRUCTURES)
    edges = canny_edges(grey[labels]).astype(np.uint8)
    edges[labels == UNLABELLED] = UNLABELLED
    return edges


def drop_frames(known: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Which frames of a training batch are given as structure.

    Parameters
    ----------
    known : Tensor of bool, shape (b, t)
        Frames with structure.
    chance : float
        That a sample gets a share of them only, itself uniform between 0 and 1.
    generator : torch.Generator
        On the CPU; always takes the same number of draws.

    Returns
    -------
    Tensor of bool, shape (b, t)
    """
    some, share = torch.rand(2, len(known), 1, generator=generator)
    kept = torch.rand(known.shape, generator=generator) < share
    return known & ((some >= chance) | kept)
