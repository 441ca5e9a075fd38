"""Fidelity of an autoencoder's reconstructions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from synthaug.data.store import TensorStore
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.metrics.overlap import dice
from synthaug.metrics.similarity import peak_signal_to_noise_ratio, structural_similarity

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
        ``psnr_db`` and ``ssim`` over the existing slices (`synthaug.metrics.similarity`, intensity range 1, mean
        over subjects), and ``dice_<structure>`` of decoded against true masks (mean over frames; absent where
        no frame is labelled, or no mask is decoded).
    """
    psnr: list[float] = []
    ssim: list[float] = []
    overlap: dict[str, list[float]] = {name: [] for name in STRUCTURES}
    for index in range(len(store)):
        labelled = labelled_frames(store, index)
        chosen = sorted({0, *labelled})
        there = store.slice_mask[index]
        cine = torch.from_numpy(store.images[index].astype(np.float32))[None]
        images, labels = reconstruct(cine, torch.from_numpy(there).float()[None, None, :, None, None])
        real = cine[0, chosen][:, there].flatten(0, 1).numpy()
        made = images[0, chosen][:, there].flatten(0, 1).cpu().numpy()
        psnr.append(peak_signal_to_noise_ratio(made, real, data_range=1.0))
        ssim.append(structural_similarity(made, real, data_range=1.0))
        if labels is None:
            continue
        for frame in labelled:
            truth, prediction = store.labels[index, frame], labels[0, frame].cpu().numpy()
            for name, value in STRUCTURES.items():
                both = (truth == value), (prediction == value) & (truth != UNLABELLED)
                if both[0].any():
                    overlap[name].append(dice(*both))
    masks = {f"dice_{name}": float(np.mean(values)) for name, values in overlap.items() if values}
    return {"psnr_db": float(np.mean(psnr)), "ssim": float(np.mean(ssim)), **masks}


def labelled_frames(store: TensorStore, index: int) -> list[int]:
    """Frames of a subject that carry labels, ascending."""
    listed = store.table["labelled_frames"].iloc[index]
    return [int(frame) for frame in str(listed).split(",")] if isinstance(listed, str) else []
