"""Vector-quantised autoencoder of single slices through the cycle (2D+t), with masks from the same codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from einops import rearrange
from monai.networks.nets.vqvae import VQVAE
from torch import Tensor

from synthaug.config.models import VQAutoencoderSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.adversary import Adversary, Perception, ramp
from synthaug.models.autoencoder import CLASSES, mask_loss
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.coding import LatentCoder
from synthaug.models.geometry import Geometry
from synthaug.networks.cyclic import make_cyclic

_SLICES_AT_ONCE = 16  # bounds the memory of encoding and decoding long stacks
_NO_SPREAD = -20.0  # log-variance of a latent that is not drawn
_DEAD = 0.5  # a code that fewer items a batch are near, by the moving average, stands for nothing
_REVIVED_EVERY = 20  # iterations


class VQAutoencoder(LatentCoder):
    """Each level halves time and plane; the cycle closes: a shift by whole latent frames shifts the latents.

    Diffusion models are trained on what the encoder says before it is quantised, and what they draw is
    quantised before it is decoded.

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
        factor = 2 ** len(settings.channels)
        for axis, length in (("frames", grid.frames), ("rows", grid.y), ("columns", grid.x)):
            if length % factor:
                raise SynthaugError(
                    f"vq_autoencoder: {length} {axis} are not divisible by {factor} ({len(settings.channels)} levels); "
                    "change harmonisation.frames or matrix, or the model's channels"
                )
        self.frames_per_latent = factor
        self.latent_shape = (settings.latent_channels, grid.z, grid.y // factor, grid.x // factor)
        levels = len(settings.channels)
        self.network = make_cyclic(
            VQVAE(
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
        )
        self.adversary = Adversary(settings.channels[0]) if settings.adversarial_weight else None

    def encode_cine(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Latents before quantisation; they are not drawn, so their variance is next to nothing."""
        stack = rearrange(2 * cines - 1, "b t z y x -> (b z) 1 t y x")
        encoded = torch.cat([self.network.encode(part) for part in stack.split(_SLICES_AT_ONCE)])
        mean = rearrange(encoded, "(b z) c t y x -> b t c z y x", b=len(cines)) * slices[:, None]
        return mean, torch.full_like(mean, _NO_SPREAD)

    def decode_cine(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Cines and masks, slice by slice; see `LatentCoder.decode_cine`."""
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
    ) -> tuple[Tensor, dict[str, float]]:
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
        late = ramp(iteration, settings.training.iterations, settings.late_from)
        frames = [rearrange(side, "n 1 t y x -> (n t) 1 y x") for side in (made[:, None], real)]
        if late and settings.perceptual_weights is not None:
            terms["perceptual"] = self._perception(real.device)(*frames)
            total = total + late * settings.perceptual_weight * terms["perceptual"]
        if late and self.adversary is not None:
            terms["adversarial"], terms["discriminator"] = self.adversary(frames[1], frames[0])
            total = total + late * settings.adversarial_weight * terms["adversarial"] + terms["discriminator"]
        quantizer = self.network.quantizer
        logged = {name: float(term.detach()) for name, term in terms.items()}
        logged["perplexity"] = float(quantizer.perplexity)
        logged["usage"] = float((quantizer.quantizer.ema_cluster_size > _DEAD).float().mean())
        return total, logged

    def _decode(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Images (n, t, y, x), roughly in [0, 1], and mask logits (n, 4, t, y, x)."""
        decoded = self.network.decode(codes)
        return (decoded[:, 0] + 1) / 2, decoded[:, 1:]

    @torch.no_grad()
    def _revive_codes(self, encoded: Tensor, generator: torch.Generator, iteration: int) -> None:
        """Let codes that nothing is near start again at encoded data; the first batch starts them all."""
        if iteration % _REVIVED_EVERY or iteration > self.settings.training.iterations / 2:
            return
        quantizer = self.network.quantizer.quantizer
        dead = torch.nonzero(quantizer.ema_cluster_size < _DEAD)[:, 0]
        found = rearrange(encoded.float(), "n c t y x -> (n t y x) c")
        chosen = found[torch.randint(len(found), (len(dead),), generator=generator).to(found.device)]
        quantizer.embedding.weight[dead] = chosen
        quantizer.ema_w[dead] = chosen
        quantizer.ema_cluster_size[dead] = 1.0

    def _perception(self, device: torch.device) -> Perception:
        # Set past nn.Module: the user's network is neither trained nor saved.
        if "perception" not in self.__dict__:
            object.__setattr__(
                self, "perception", Perception(str(self.settings.perceptual_weights)).to(device)
            )
        perception: Perception = self.__dict__["perception"]
        return perception
