"""Motion network: a small code of how a frame's latent differs from the end-diastolic one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from synthaug.config.cascade_models import MotionNetworkSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.models.autoencoder import Autoencoder, draw_frame, mask_loss, masked_mean
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.geometry import Geometry
from synthaug.models.latents import LatentCache, channel_statistics, encode_cines
from synthaug.models.reconstruction import labelled_frames
from synthaug.models.shared_rows import shared_rows
from synthaug.networks.unet import LatentUNet


class MotionNetwork(TrainableModel):
    """A small code of how a frame's latent differs from the end-diastolic one.

    Data        z_0, z_k: means of the latents of ED and of any frame,  (b, c, z, y, x);  m_k: the frame's masks
    Prediction  delta = M(z_0, z_k), for which z_0 + delta is near z_k
    Loss        2 |z_0 + delta - z_k| / sd + 0.01 (delta / sd)^2 + |M(z_0, z_0)| / sd + 0.3 CEDice(decode(z_0 + delta), m_k)

    The difference z_k - z_0 is such a code. The penalty on its size and the masks make the network's code leave out
    what changes between two frames without motion of the heart.

    References
    ----------
    Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026, stage 2; its adversarial
    and perceptual terms are left out.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: MotionNetworkSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        coder = needs["autoencoder"]
        if not isinstance(coder, Autoencoder):
            raise SynthaugError(
                "motion_network: moves the latents of single frames; give it a model of kind autoencoder"
            )
        channels = coder.latent_shape[0]
        self.network = LatentUNet(
            2 * channels + 1, channels, settings.channels, settings.blocks, embedding=0, temporal=False
        )
        for name in ("mean", "standard_deviation"):
            self.register_buffer(name, torch.zeros(channels, 1, 1, 1))

    @property
    def autoencoder(self) -> Autoencoder:
        """The autoencoder of the latents."""
        return cast(Autoencoder, self.needs["autoencoder"])

    def forward(self, anatomy: Tensor, latents: Tensor, slices: Tensor) -> Tensor:
        """Codes from ED latents to those of other frames.

        Parameters
        ----------
        anatomy, latents : Tensor, shape (b, c, z, y, x)
            As the autoencoder encodes them.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.

        Returns
        -------
        Tensor, shape (b, c, z, y, x)
            What to add to `anatomy`; 0 in slices that do not exist.
        """
        pair = [(part - self.mean) / self.standard_deviation * slices for part in (anatomy, latents)]
        everywhere = slices.expand(-1, -1, -1, *anatomy.shape[-2:])
        nothing = anatomy.new_zeros(len(anatomy), 0)  # no condition: the two latents say it all
        code = self.network(torch.cat([*pair, everywhere], dim=1), slices, nothing)
        return code * self.standard_deviation * slices

    @torch.no_grad()
    def replace_motion(self, cache: LatentCache, slices: Tensor) -> LatentCache:
        """Cines as their codes lead to them: frame t becomes z_ED + delta, with the draws of ED.

        The processes of a training share the subjects.

        Parameters
        ----------
        cache : LatentCache
            All frames of the training fold, ED first.
        slices : Tensor, shape (n, 1, z, 1, 1)
            1 where a slice exists.

        Returns
        -------
        LatentCache
            In which every draw of a frame minus that of ED is the code, and ED is what it was.
        """
        mean, log_variance = cache.mean.clone(), cache.log_variance.clone()
        log_variance[:] = log_variance[:, :, :1]
        copies, subjects, frames = mean.shape[:3]
        for index in shared_rows(subjects, [mean.transpose(0, 1)], self.device):
            there = slices[index : index + 1].to(self.device).expand(frames - 1, -1, -1, -1, -1)
            for copy in range(copies):
                cine = mean[copy, index].float().to(self.device)
                anatomy = cine[:1].expand_as(cine[1:])
                mean[copy, index, 1:] = (anatomy + self(anatomy, cine[1:], there)).to(mean)
        return replace(cache, mean=mean, log_variance=log_variance)

    def prepare(self, store: TensorStore) -> None:
        """Take the training fold, and the statistics of its ED latents."""
        self._store = store
        self._labelled = [labelled_frames(store, index) for index in range(len(store))]
        cache = encode_cines(self.autoencoder, store, [0], 1, GeometrySettings())
        slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        mean, deviation = channel_statistics(cache.mean[0, :, 0].float(), slices)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """ED and one frame of each subject: `frames` (b, 2, z, y, x), that frame's `labels`, `slices`."""
        frames, labels, slices = [], [], []
        for index in indices:
            frame = draw_frame(
                self._labelled[index], self.grid.frames, self.settings.labelled_fraction, generator
            )
            geometry = Geometry.draw(self.settings.augmentation, generator)
            pair = torch.from_numpy(self._store.images[index, [0, frame]].astype(np.float32))
            frames.append(geometry.apply(pair))
            label = torch.from_numpy(self._store.labels[index, frame].copy())
            labels.append(geometry.apply(label, labels=True))
            slices.append(torch.from_numpy(self._store.slice_mask[index]).float()[None, :, None, None])
        return {"frames": torch.stack(frames), "labels": torch.stack(labels), "slices": torch.stack(slices)}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of latent L1, mask losses, the code's size, and the code of no motion.

        Latents are measured in standard deviations of their channels.
        """
        slices = batch["slices"]
        with torch.no_grad():
            encoded, _ = self.autoencoder.encode_cine(batch["frames"], slices)
        anatomy, latents = encoded[:, 0], encoded[:, 1]
        code = self(anatomy, latents, slices)
        still = self(anatomy, anatomy, slices)
        _, logits = self.autoencoder.decode(anatomy + code, slices)
        weights, size = self.settings, self.standard_deviation
        terms = {
            "latent": masked_mean(((anatomy + code - latents) / size).abs().float(), slices),
            "size": masked_mean((code / size).square().float(), slices),
            "still": masked_mean((still / size).abs().float(), slices),
        }
        total = (
            weights.latent_weight * terms["latent"]
            + weights.size_weight * terms["size"]
            + weights.still_weight * terms["still"]
        )
        if logits is not None:
            terms["mask"] = mask_loss(logits.float(), batch["labels"])
            total = total + weights.mask_weight * terms["mask"]
        return total, {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """``unexplained_motion``: mean |z_ED + delta - z_t| over mean |z_t - z_ED|; 1 for a code of nothing."""
        cache = encode_cines(self.autoencoder, store, range(self.grid.frames), 1, GeometrySettings())
        slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        latents, moved = cache.mean[0].float(), self.replace_motion(cache, slices).mean[0].float()
        missed, motion = (moved - latents)[:, 1:], (latents - latents[:, :1])[:, 1:]
        there = slices[:, None]
        return {"unexplained_motion": float((missed.abs() * there).sum() / (motion.abs() * there).sum())}
