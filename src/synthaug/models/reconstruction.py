"""Fidelity of an autoencoder's reconstructions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from synthaug.data.store import TensorStore
from synthaug.labels import STRUCTURES, UNLABELLED

#: Answers images and labels for cines (b, t, z, y, x) and their slices (b, 1, z, 1, 1).
Reconstruct = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]


@torch.no_grad()
def measure_reconstruction(reconstruct: Reconstruct, store: TensorStore) -> dict[str, float]:
    """Fidelity of reconstructed images and masks, at ED and in the labelled frames.

    Parameters
    ----------
    reconstruct : callable
        `LatentAutoencoder.reconstruct` of a trained autoencoder.
    store : TensorStore
        Subjects it is measured on.

    Returns
    -------
    dict of str to float
        ``psnr_db`` and ``ssim`` (Gaussian window, slice by slice) over the existing slices (peak 1, mean over
        subjects), and ``dice_<structure>`` of decoded against true masks (mean over frames; absent where
        no frame is labelled, or no mask is decoded).
    """
    from skimage.metrics import structural_similarity

    psnr: list[float] = []
    ssim: list[float] = []
    dice: dict[str, list[float]] = {name: [] for name in STRUCTURES}
    for index in range(len(store)):
        labelled = labelled_frames(store, index)
        chosen = sorted({0, *labelled})
        there = store.slice_mask[index]
        cine = torch.from_numpy(store.images[index].astype(np.float32))[None]
        images, labels = reconstruct(cine, torch.from_numpy(there).float()[None, None, :, None, None])
        real = cine[0, chosen][:, there].flatten(0, 1).numpy()
        made = images[0, chosen][:, there].flatten(0, 1).cpu().numpy()
        psnr.append(-10 * float(np.log10(np.mean((made - real) ** 2))))
        pairs = [
            structural_similarity(*pair, gaussian_weights=True, data_range=1.0)
            for pair in zip(made, real, strict=True)
        ]
        ssim.append(float(np.mean(pairs)))
        if labels is None:
            continue
        for frame in labelled:
            truth, prediction = store.labels[index, frame], labels[0, frame].cpu().numpy()
            for name, value in STRUCTURES.items():
                both = (truth == value), (prediction == value) & (truth != UNLABELLED)
                if both[0].any():
                    overlap = 2 * np.logical_and(*both).sum() / (both[0].sum() + both[1].sum())
                    dice[name].append(float(overlap))
    ceiling = {f"dice_{name}": float(np.mean(values)) for name, values in dice.items() if values}
    return {"psnr_db": float(np.mean(psnr)), "ssim": float(np.mean(ssim)), **ceiling}


def labelled_frames(store: TensorStore, index: int) -> list[int]:
    """Frames of a subject that carry labels, ascending."""
    listed = store.table["labelled_frames"].iloc[index]
    return [int(frame) for frame in str(listed).split(",")] if isinstance(listed, str) else []
