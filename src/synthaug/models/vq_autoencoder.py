"""Vector-quantised autoencoder of single slices through the cycle (2D+t), with masks from the same codes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from einops import rearrange
from monai.networks.nets.vqvae import VQVAE
from torch import Tensor, nn

from synthaug.config.models import VQAutoencoderSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.autoencoder import CLASSES, mask_loss
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.geometry import Geometry
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.sharpening import SharpeningTerms
from synthaug.networks.cyclic import make_cyclic

_SLICES_AT_ONCE = 16  # bounds the memory of encoding and decoding long stacks
_NO_SPREAD = -20.0  # log-variance of a latent that is not drawn
_DEAD = 0.5  # a code that fewer items a batch are near, by the moving average, stands for nothing
_REVIVED_EVERY = 20  # iterations


class VQAutoencoder(LatentAutoencoder):
    """Vector-quantised autoencoder of single slices through the cycle, with masks from the same codes.

    Data        x: one slice, (t, y, x) in [0, 1];  m: masks of its labelled frames;  code vectors v_k
    Prediction  z = E(x);  q(z) = the nearest v_k;  (y, m') = D(q(z)), gradients copied from q(z) to z
    Loss        |y - x| + w_g |grad y - grad x| + |z - q(z)|^2 + w_m CEDice(m', m) + `SharpeningTerms`

    Time and plane are divided by the strides of the levels. The cycle closes: a shift by whole latent frames shifts
    the latents. Diffusion models are trained on z, and what they draw is quantised before it is decoded.

    References
    ----------
    van den Oord et al., Neural discrete representation learning, NeurIPS 2017 (with MONAI's moving-average
    codebook); Dhariwal et al., Jukebox, 2020 (dead codes start again from encoded data).
    """

    def __init__(
        self,
        settings: VQAutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        strides = settings.level_strides
        t, y, x = (math.prod(lengths) for lengths in zip(*strides, strict=True))
        for axis, length, factor in (("frames", grid.frames, t), ("rows", grid.y, y), ("columns", grid.x, x)):
            if length % factor:
                raise SynthaugError(
                    f"vq_autoencoder: {length} {axis} are not divisible by {factor} ({len(strides)} levels); "
                    "change harmonisation.frames or matrix, or the model's channels or strides"
                )
        self.frames_per_latent = t
        self.latent_shape = (settings.latent_channels, grid.z, grid.y // y, grid.x // x)
        levels = len(strides)
        network = VQVAE(
            spatial_dims=3,
            in_channels=1,
            out_channels=1 + CLASSES,
            channels=settings.channels,
            num_res_layers=settings.blocks,
            num_res_channels=settings.channels,
            downsample_parameters=((2, 4, 1, 1),) * levels,
            upsample_parameters=((2, 4, 1, 1, 0),) * levels,
            num_embeddings=settings.codes,
            embedding_dim=settings.latent_channels,
            decay=settings.codebook_decay,
        )
        self.network = make_cyclic(set_strides(network, strides))
        self.sharpening = SharpeningTerms(settings, settings.channels[0])

    def encode_cine(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Latents before quantisation; they are not drawn, so their variance is next to nothing."""
        stack = rearrange(2 * cines - 1, "b t z y x -> (b z) 1 t y x")
        encoded = torch.cat([self.network.encode(part) for part in stack.split(_SLICES_AT_ONCE)])
        mean = rearrange(encoded, "(b z) c t y x -> b t c z y x", b=len(cines)) * slices[:, None]
        return mean, torch.full_like(mean, _NO_SPREAD)

    def decode_cine(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Cines and masks, slice by slice; see `LatentAutoencoder.decode_cine`."""
        stack = rearrange(latents, "b t c z y x -> (b z) c t y x")
        images, labels = [], []
        for part in stack.split(_SLICES_AT_ONCE):
            codes, _ = self.network.quantize(part)
            image, logits = self._decode(codes)
            images.append(image.float().clamp(0, 1))
            labels.append(logits.argmax(dim=1).to(torch.uint8))
        together = "(b z) t y x -> b t z y x"
        return (
            rearrange(torch.cat(images), together, b=len(latents)),
            rearrange(torch.cat(labels), together, b=len(latents)),
        )

    @property
    def codebook(self) -> Tensor:
        """The code vectors, (codes, c)."""
        vectors: Tensor = self.network.quantizer.quantizer.embedding.weight
        return vectors

    def nearest_codes(self, latents: Tensor) -> Tensor:
        """Indices of the code vectors nearest to latents (b, t, c, z, y, x): int64, (b, t, z, y, x)."""
        stack = rearrange(latents, "b t c z y x -> (b z) c t y x")
        codes = [self.network.quantizer.quantize(part) for part in stack.split(_SLICES_AT_ONCE)]
        return rearrange(torch.cat(codes), "(b z) t y x -> b t z y x", b=len(latents))

    def prepare(self, store: TensorStore) -> None:
        """Take the training fold."""
        self._store = store

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Slices of each subject: `cines` (b, n, t, y, x) in [0, 1] and `labels` alike, n of them by chance."""
        cines, labels = [], []
        for index in indices:
            there = torch.from_numpy(np.flatnonzero(self._store.slice_mask[index]))
            # With replacement: a short stack gives as many items as a long one.
            chosen = there[
                torch.randint(len(there), (self.settings.slices_drawn,), generator=generator)
            ].numpy()
            geometry = Geometry.draw(self.settings.augmentation, generator)
            image = torch.from_numpy(self._store.images[index][:, chosen].astype(np.float32))
            label = torch.from_numpy(self._store.labels[index][:, chosen].copy())
            cines.append(geometry.apply(image).movedim(0, 1))
            labels.append(geometry.apply(label, labels=True).movedim(0, 1))
        return {"cines": torch.stack(cines), "labels": torch.stack(labels)}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Image L1, its gradients in plane and time, commitment, masks, and late the sharpening terms.

        The terms also say how the codebook is used: `perplexity`, the exponential of the entropy of the codes
        of this batch, and `usage`, the share of codes that the moving average still counts.
        """
        settings = self.settings
        real = rearrange(batch["cines"], "b n t y x -> (b n) 1 t y x")
        labels = rearrange(batch["labels"], "b n t y x -> (b n) t y x")
        encoded = self.network.encode(2 * real - 1)
        self._revive_codes(encoded.detach(), generator, iteration)
        codes, commitment = self.network.quantize(encoded)
        made, logits = self._decode(codes)
        error = (made[:, None] - real).float()
        steps = torch.stack([error.diff(dim=axis).abs().mean() for axis in (-1, -2, -3)]).sum()
        terms = {
            "image": error.abs().mean(),
            "gradient": steps,
            "commitment": commitment,
            "mask": mask_loss(logits.float(), labels),
        }
        total = (
            terms["image"]
            + settings.gradient_weight * terms["gradient"]
            + terms["commitment"]
            + settings.mask_weight * terms["mask"]
        )
        if self.sharpening.enabled:
            made, real = (rearrange(side, "n 1 t y x -> (n t) 1 y x") for side in (made[:, None], real))
            weighted, late = self.sharpening.terms(made, real, iteration)
            total = sum(weighted, total)
            terms |= late
        quantizer = self.network.quantizer
        logged = {name: term.detach() for name, term in terms.items()}
        logged["perplexity"] = quantizer.perplexity
        logged["usage"] = (quantizer.quantizer.ema_cluster_size > _DEAD).float().mean()
        return total, logged

    def _decode(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Images (n, t, y, x), roughly in [0, 1], and mask logits (n, 4, t, y, x)."""
        decoded = self.network.decode(codes)
        return (decoded[:, 0] + 1) / 2, decoded[:, 1:]

    @torch.no_grad()
    def _revive_codes(self, encoded: Tensor, generator: torch.Generator, iteration: int) -> None:
        """Let codes that nothing is near start again at encoded data; the first batch starts them all.

        How many there are is read on the host, once in `_REVIVED_EVERY` iterations: as many draws are made.
        """
        if iteration % _REVIVED_EVERY or iteration > self.settings.training.iterations / 2:
            return
        quantizer = self.network.quantizer.quantizer
        dead = torch.nonzero(quantizer.ema_cluster_size < _DEAD)[:, 0]
        found = rearrange(encoded.float(), "n c t y x -> (n t y x) c")
        chosen = found[torch.randint(len(found), (len(dead),), generator=generator).to(found.device)]
        quantizer.embedding.weight[dead] = chosen
        quantizer.ema_w[dead] = chosen
        quantizer.ema_cluster_size[dead] = 1.0


def set_strides(network: VQVAE, strides: Sequence[tuple[int, int, int]]) -> VQVAE:
    """Give the levels of a network that halves each axis their strides (t, y, x), each 1 or 2.

    MONAI's network takes one stride for all axes of a level. Where it differs, the resampling convolution is
    replaced by one of kernel 4 along a halved axis and 3 along another.
    """
    for blocks, kind, levels in (
        (network.encoder.blocks, nn.Conv3d, strides),
        (network.decoder.blocks, nn.ConvTranspose3d, reversed(strides)),
    ):
        resampling = [
            (parent, name, layer)
            for parent in blocks.modules()
            for name, layer in parent.named_children()
            if isinstance(layer, kind) and layer.stride == (2, 2, 2)
        ]
        for (parent, name, layer), stride in zip(resampling, levels, strict=True):
            if stride != (2, 2, 2):
                t, y, x = stride
                kernel = (t + 2, y + 2, x + 2)
                setattr(parent, name, kind(layer.in_channels, layer.out_channels, kernel, stride, padding=1))
    return network
