"""Autoencoders of single slices through the cycle (2D+t), with masks from the same latents."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from einops import rearrange
from monai.networks.nets.vqvae import VQVAE, Decoder, Encoder
from torch import Tensor, nn

from synthaug.config.autoencoders import SliceAutoencoderSettings, SliceLatentsSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import normal_like
from synthaug.models.autoencoder import CLASSES, mask_loss
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.geometry import Geometry
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.sharpening import SharpeningTerms
from synthaug.networks.cyclic import make_cyclic

#: Slices that are encoded or decoded together.
SLICES_AT_ONCE = 16  # bounds the memory of encoding and decoding long stacks


class SliceLatentsAutoencoder(LatentAutoencoder):
    """What autoencoders of slices through the cycle have in common; a kind says what happens between E and D.

    Time and plane are divided by the strides of the levels. The cycle closes: a shift by whole latent frames shifts
    the latents.
    """

    sharpening: SharpeningTerms

    def __init__(
        self,
        settings: SliceLatentsSettings,
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
                    f"{settings.kind}: {length} {axis} are not divisible by {factor} ({len(strides)} levels); "
                    "change harmonisation.frames or matrix, or the model's channels or strides"
                )
        self.frames_per_latent = t
        self.latent_shape = (settings.latent_channels, grid.z, grid.y // y, grid.x // x)

    @abstractmethod
    def encode_slices(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, c, t', y', x') of slices (n, 1, t, y, x) in [-1, 1]."""

    @abstractmethod
    def decode_slices(self, latents: Tensor) -> Tensor:
        """Images in [-1, 1], roughly, and mask logits behind them, (n, 1 + classes, t, y, x)."""

    @abstractmethod
    def through(
        self, slices: Tensor, generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """What `decode_slices` gives for slices (n, 1, t, y, x), weighted loss of the latents, and terms to log."""

    def encode_cine(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of cines, slice by slice; see `LatentAutoencoder.encode_cine`."""
        stack = rearrange(2 * cines - 1, "b t z y x -> (b z) 1 t y x")
        parts = [self.encode_slices(part) for part in stack.split(SLICES_AT_ONCE)]
        apart = "(b z) c t y x -> b t c z y x"
        mean, log_variance = (
            rearrange(torch.cat(part), apart, b=len(cines)) for part in zip(*parts, strict=True)
        )
        return mean * slices[:, None], log_variance

    def decode_cine(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Cines and masks, slice by slice; see `LatentAutoencoder.decode_cine`."""
        stack = rearrange(latents, "b t c z y x -> (b z) c t y x")
        images, labels = [], []
        for part in stack.split(SLICES_AT_ONCE):
            image, logits = _image_and_logits(self.decode_slices(part))
            images.append(image.float().clamp(0, 1))
            labels.append(logits.argmax(dim=1).to(torch.uint8))
        together = "(b z) t y x -> b t z y x"
        return (
            rearrange(torch.cat(images), together, b=len(latents)),
            rearrange(torch.cat(labels), together, b=len(latents)),
        )

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
        """Image L1, its gradients in plane and time, the loss of the latents, masks, and late the sharpening terms."""
        settings = self.settings
        real = rearrange(batch["cines"], "b n t y x -> (b n) 1 t y x")
        labels = rearrange(batch["labels"], "b n t y x -> (b n) t y x")
        decoded, latent_loss, logged = self.through(2 * real - 1, generator, iteration)
        made, logits = _image_and_logits(decoded)
        error = (made[:, None] - real).float()
        steps = torch.stack([error.diff(dim=axis).abs().mean() for axis in (-1, -2, -3)]).sum()
        terms = {"image": error.abs().mean(), "gradient": steps, "mask": mask_loss(logits.float(), labels)}
        total = (
            terms["image"]
            + settings.gradient_weight * terms["gradient"]
            + latent_loss
            + settings.mask_weight * terms["mask"]
        )
        if self.sharpening.enabled:
            weighted, late = self.sharpening.terms(made, real[:, 0], "temporal", iteration)
            total = sum(weighted, total)
            terms |= late
        return total, {name: term.detach() for name, term in (terms | logged).items()}


class SliceAutoencoder(SliceLatentsAutoencoder):
    """Variational autoencoder of single slices through the cycle, with masks from the same latents.

    Data        x: one slice, (t, y, x) in [0, 1];  m: masks of its labelled frames
    Prediction  z ~ N(mu(x), sigma(x)^2), (c, t / s_t, y / s_y, x / s_x);  (y, m') = D(z)
    Loss        |y - x| + w_g |grad y - grad x| + w_k KL(N(mu, sigma^2), N(0, I)) + w_m CEDice(m', m) + `SharpeningTerms`

    References
    ----------
    Kingma and Welling, ICLR 2014. The 3D-VAE of CPGG (2025) divides time by 2 and the plane by 8.
    """

    settings: SliceAutoencoderSettings

    def __init__(
        self,
        settings: SliceAutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        levels = len(settings.channels)
        shared: dict[str, Any] = {
            "spatial_dims": 3,
            "channels": settings.channels,
            "num_res_layers": settings.blocks,
            "num_res_channels": settings.channels,
            "dropout": 0.0,
            "act": "RELU",
        }
        encoder = Encoder(
            in_channels=1,
            out_channels=2 * settings.latent_channels,
            downsample_parameters=((2, 4, 1, 1),) * levels,
            **shared,
        )
        decoder = Decoder(
            in_channels=settings.latent_channels,
            out_channels=1 + CLASSES,
            upsample_parameters=((2, 4, 1, 1, 0),) * levels,
            output_act=None,
            **shared,
        )
        strides = settings.level_strides
        self.encoder = make_cyclic(set_strides(encoder, nn.Conv3d, strides))
        self.decoder = make_cyclic(set_strides(decoder, nn.ConvTranspose3d, strides[::-1]))
        self.sharpening = SharpeningTerms(settings, settings.channels[0], needs.get("perceptual"))

    def encode_slices(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance; see `SliceLatentsAutoencoder.encode_slices`."""
        mean, log_variance = self.encoder(slices).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)

    def decode_slices(self, latents: Tensor) -> Tensor:
        """Images and mask logits; see `SliceLatentsAutoencoder.decode_slices`."""
        decoded: Tensor = self.decoder(latents)
        return decoded

    def through(
        self, slices: Tensor, generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """A draw of the latents decoded, and the mean KL divergence per latent element."""
        mean, log_variance = self.encode_slices(slices)
        noise = normal_like(mean, generator)
        divergence = ((mean**2 + log_variance.exp() - 1 - log_variance).float() / 2).mean()
        decoded = self.decode_slices(mean + (log_variance / 2).exp() * noise)
        return decoded, self.settings.kl_weight * divergence, {"kl": divergence}


def _image_and_logits(decoded: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, t, y, x), roughly in [0, 1], and mask logits (n, 4, t, y, x)."""
    return (decoded[:, 0] + 1) / 2, decoded[:, 1:]


def set_network_strides(network: VQVAE, strides: Sequence[tuple[int, int, int]]) -> VQVAE:
    """`set_strides` for encoder and decoder of one network."""
    set_strides(network.encoder, nn.Conv3d, strides)
    set_strides(network.decoder, nn.ConvTranspose3d, strides[::-1])
    return network


def set_strides(
    network: Encoder | Decoder, kind: type[nn.Module], strides: Sequence[tuple[int, int, int]]
) -> Any:
    """Give the levels of a network that halves or doubles each axis their strides (t, y, x), each 1 or 2.

    MONAI's network takes one stride for all axes of a level. Where it differs, the resampling convolution is
    replaced by one of kernel 4 along a resampled axis and 3 along another.

    Parameters
    ----------
    network : Encoder or Decoder
        Its `blocks` hold the levels in order.
    kind : type
        Class of the resampling convolutions.
    strides : sequence of tuple of 3 ints
        Strides of the levels, in the order of the network.
    """
    resampling = [
        (parent, name, layer)
        for parent in network.blocks.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, kind) and layer.stride == (2, 2, 2)
    ]
    for (parent, name, layer), stride in zip(resampling, strides, strict=True):
        if stride != (2, 2, 2):
            kernel = tuple(length + 2 for length in stride)
            setattr(parent, name, kind(layer.in_channels, layer.out_channels, kernel, stride, padding=1))
    return network
