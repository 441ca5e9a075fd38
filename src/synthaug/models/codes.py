"""Codes of the training fold, encoded once, and how a code is drawn from the logits of all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synthaug.config.generators import CodeSamplerSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.data.store import TensorStore
from synthaug.models.latents import draw_geometries, moved_cines, scale_of
from synthaug.models.vq_autoencoder import VQAutoencoder


@dataclass(frozen=True)
class CodeCache:
    """Training cines as codes.

    Attributes
    ----------
    codes : Tensor of int32, shape (copies, n, t, z, y, x), on the CPU
        Copy 0 is the original; those of missing slices mean nothing.
    scale : Tensor, shape (copies, n)
        In-plane enlargement of each copy; its volumes are `scale` squared times the original's.
    """

    codes: Tensor
    scale: Tensor


@torch.no_grad()
def encode_codes(
    autoencoder: VQAutoencoder, store: TensorStore, copies: int, geometry: GeometrySettings
) -> CodeCache:
    """Codes of copies of all cines, all frames; arguments as those of `encode_cines`."""
    frames = range(store.images.shape[1])
    shape = (len(frames) // autoencoder.frames_per_latent, *autoencoder.latent_shape[1:])
    codes = torch.empty(copies, len(store), *shape, dtype=torch.int32)
    geometries = draw_geometries(len(store), copies, geometry)
    for copy, index, cine, slices in moved_cines(store, frames, geometries, autoencoder.device, [codes]):
        codes[copy, index] = autoencoder.nearest_codes(autoencoder.encode_cine(cine, slices)[0])[0].cpu()
    return CodeCache(codes, scale_of(geometries))


def draw_codes(logits: Tensor, quantiles: Tensor, settings: CodeSamplerSettings) -> Tensor:
    """Draw one code a row from the likeliest ones.

    Parameters
    ----------
    logits : Tensor, shape (b, codes)
        Logarithms of unnormalised probabilities.
    quantiles : Tensor, shape (b,)
        Uniform in [0, 1]: the cumulated probability, likeliest code first, at which the drawn code is found.
    settings : CodeSamplerSettings
        Temperature, top k and top p.

    Returns
    -------
    Tensor of int, shape (b,)

    References
    ----------
    Holtzman et al., The curious case of neural text degeneration, ICLR 2020 (top p).
    """
    logits, codes = (logits.float() / settings.temperature).sort(dim=-1, descending=True, stable=True)
    probabilities = logits[:, : settings.top_k].softmax(dim=-1)
    cumulated = probabilities.cumsum(dim=-1)
    # A code stays where those before it have not reached top p: the likeliest always does.
    stays = cumulated - probabilities < (settings.top_p if settings.top_p < 1 else torch.inf)
    total = torch.where(stays, cumulated, 0.0).amax(dim=-1)
    before = (cumulated <= (quantiles * total)[:, None]) & stays
    last = stays.sum(dim=-1) - 1
    return codes.gather(1, torch.minimum(before.sum(dim=-1), last)[:, None])[:, 0]
