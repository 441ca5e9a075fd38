"""Deformation network: registration of end-diastole to end-systole through a code of the motion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional

from synthaug.config.deformation_models import DeformationNetworkSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.metrics.overlap import dice
from synthaug.models.autoencoder import CLASSES, Autoencoder, masked_mean
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioner import es_of_frames
from synthaug.models.geometry import Geometry
from synthaug.models.latents import channel_statistics, encode_cines, slice_weights
from synthaug.models.phases import frame_of_systole
from synthaug.networks.field_decoder import FieldDecoder
from synthaug.networks.unet import LatentUNet
from synthaug.networks.warping import enlarge, exponential, jacobian_determinant, spatial_gradient, warp


class DeformationNetwork(TrainableModel):
    """Registration of ED to ES: a code of the motion, and the displacement field that the code stands for.

    Data        x_0, x_s: the frames of ED and ES;  z_0, z_s: means of their latents;  m_0, m_s: their masks
    Prediction  c = E(z_0, z_s), (b, k, z, y', x');  v = D(c, z_0) - D(0, z_0), (b, 3, z, y, x);  phi = exp(v)
    Loss        1 - LNCC^2(x_0 o phi, x_s) + 0.3 (1 - Dice(m_0 o phi, m_s)) + |grad v|^2 + 0.01 |c|^2

    LNCC is the normalised correlation in in-plane windows, mean over slices that exist. The exponential of a
    stationary velocity, by scaling and squaring, is one-to-one where v is smooth; both have the resolution of the
    autoencoder's first level, and phi is enlarged linearly. The code of nothing moves nothing:
    scaled by g in [0, 1] it leads from ED to ES, phi_g = exp(D(g c, z_0) - D(0, z_0)).

    References
    ----------
    Kim and Ye, Diffusion deformable model for 4D temporal medical image generation, MICCAI 2022 (deformation module;
    intermediate frames by the scaled code); Balakrishnan et al., IEEE TMI 38, 2019 (local correlation, masks); Dalca
    et al., Medical Image Analysis 57, 2019 (diffeomorphic).
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: DeformationNetworkSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        coder = needs["autoencoder"]
        if not isinstance(coder, Autoencoder):
            raise SynthaugError(
                "deformation_network: reads the latents of single frames; give it a model of kind autoencoder"
            )
        channels = coder.latent_shape[0]
        self.code_shape = (settings.code_channels, *coder.latent_shape[1:])
        self.encoder = LatentUNet(
            2 * channels + 1,
            settings.code_channels,
            settings.channels,
            settings.blocks,
            embedding=0,
            temporal=False,
        )
        strides = [(y, x) for _, y, x in coder.settings.level_strides]
        self.stride = strides[0]
        self.decoder = FieldDecoder(
            settings.code_channels,
            channels,
            [settings.field_channels * min(2**level, 4) for level in range(len(strides))],
            settings.blocks,
            strides,
            components=3 if settings.through_plane else 2,
        )
        for name in ("mean", "standard_deviation"):
            self.register_buffer(name, torch.zeros(channels, 1, 1, 1))

    @property
    def autoencoder(self) -> Autoencoder:
        """The autoencoder of the latents."""
        return cast(Autoencoder, self.needs["autoencoder"])

    def encode(self, anatomy: Tensor, latents: Tensor, slices: Tensor) -> Tensor:
        """Codes of the motion from ED to the frames of other latents.

        Parameters
        ----------
        anatomy, latents : Tensor, shape (b, c, z, y', x')
            As the autoencoder encodes them.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.

        Returns
        -------
        Tensor, shape (b, k, z, y', x')
            0 in slices that do not exist.
        """
        pair = [self._normalise(part, slices) for part in (anatomy, latents)]
        everywhere = slices.expand(-1, -1, -1, *anatomy.shape[-2:])
        nothing = anatomy.new_zeros(len(anatomy), 0)  # no condition: the two latents say it all
        code: Tensor = self.encoder(torch.cat([*pair, everywhere], dim=1), slices, nothing)
        return code * slices

    def velocities(self, codes: Tensor, anatomy: Tensor, slices: Tensor) -> Tensor:
        """Velocities of codes (b, m, k, z, y', x') of ED latents (b, c, z, y', x').

        (b, m, 3, z, y / p, x / q) in voxels of that size, with (p, q) the stride of the autoencoder's first level.
        """
        field: Tensor = self.decoder(codes, self._normalise(anatomy, slices), slices)
        return field

    def displacements(self, codes: Tensor, anatomy: Tensor, slices: Tensor) -> Tensor:
        """Displacements (b, m, 3, z, y, x), in voxels of the images; arguments as those of `velocities`."""
        m = codes.shape[1]
        velocities = self.velocities(codes, anatomy, slices).flatten(0, 1)
        field = self._follow(velocities, slices.repeat_interleave(m, dim=0))
        return field.unflatten(0, (len(codes), m))

    def _follow(self, velocities: Tensor, slices: Tensor) -> Tensor:
        """Displacements of every voxel of the images."""
        return enlarge(exponential(velocities, slices, self.settings.squarings), self.stride) * slices

    def prepare(self, store: TensorStore) -> None:
        """Take the training fold, its frames of ES, and the statistics of its ED latents."""
        self._store = store
        self._systole = systole_of(store)
        cache = encode_cines(self.autoencoder, store, [0], 1, GeometrySettings())
        slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        mean, deviation = channel_statistics(cache.mean[0, :, 0].float(), slices)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """ED and ES of each subject: `frames` (b, 2, z, y, x), `labels` alike, `slices`."""
        frames, labels, slices = [], [], []
        for index in indices:
            pair = [0, self._systole[index]]
            geometry = Geometry.draw(self.settings.augmentation, generator)
            image = torch.from_numpy(self._store.images[index, pair].astype(np.float32))
            frames.append(geometry.apply(image))
            label = torch.from_numpy(self._store.labels[index, pair].copy())
            labels.append(geometry.apply(label, labels=True))
            slices.append(torch.from_numpy(self._store.slice_mask[index]).float()[None, :, None, None])
        return {"frames": torch.stack(frames), "labels": torch.stack(labels), "slices": torch.stack(slices)}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of local correlation, masks, the velocity's smoothness and the code's size."""
        slices, weights = batch["slices"], self.settings
        with torch.no_grad():
            encoded, _ = self.autoencoder.encode_cine(batch["frames"], slices)
        anatomy, latents = encoded[:, 0], encoded[:, 1]
        code = self.encode(anatomy, latents, slices)
        velocity = self.velocities(code[:, None], anatomy, slices)[:, 0]
        displacement = self._follow(velocity, slices)
        moved = warp(batch["frames"][:, :1], displacement, slices)
        (z, y, x), (p, q) = self.grid.spacing_mm, self.stride
        sizes_mm = (z, p * y, q * x)
        in_mm = velocity * torch.tensor(sizes_mm).view(1, 3, 1, 1, 1).to(velocity.device, non_blocking=True)
        terms = {
            "similarity": masked_mean(
                1 - local_correlation(moved, batch["frames"][:, 1:], weights.window), slices
            ),
            "smoothness": torch.stack(spatial_gradient(in_mm, slices, sizes_mm)).sum(),
            "size": masked_mean(code.square().float(), slices),
            "mask": warped_mask_loss(batch["labels"], displacement, slices),
        }
        total = (
            terms["similarity"]
            + weights.smoothness_weight * terms["smoothness"]
            + weights.size_weight * terms["size"]
            + weights.mask_weight * terms["mask"]
        )
        return total, {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """How well ED is moved to ES, each subject by the code of its own two frames.

        Returns
        -------
        dict of str to float
            ``unexplained_motion``: mean |x_0 o phi - x_s| over mean |x_0 - x_s|, 1 for no motion. ``folded``: share of
            voxels at which phi is not one-to-one. ``dice_<structure>`` of warped ED masks against those of ES, mean
            over subjects that have both; absent where none has.
        """
        missed, motion, folds = 0.0, 0.0, []
        overlap: dict[str, list[float]] = {name: [] for name in STRUCTURES}
        for index, systole in enumerate(systole_of(store)):
            frames = torch.from_numpy(store.images[index, [0, systole]].astype(np.float32))[None]
            frames, slices = frames.to(self.device), slice_weights(store.slice_mask[index]).to(self.device)
            encoded, _ = self.autoencoder.encode_cine(frames, slices)
            code = self.encode(encoded[:, 0], encoded[:, 1], slices)
            displacement = self.displacements(code[:, None], encoded[:, 0], slices)[:, 0]
            moved = warp(frames[:, :1], displacement, slices)[:, 0]
            missed += float((moved - frames[:, 1]).abs().mean())
            motion += float((frames[:, 0] - frames[:, 1]).abs().mean())
            there = torch.from_numpy(store.slice_mask[index]).to(self.device)
            folds.append(float((jacobian_determinant(displacement[:, :, there]) <= 0).float().mean()))
            before, after = (torch.from_numpy(store.labels[index, frame].copy()) for frame in (0, systole))
            if (before[there.cpu()] == UNLABELLED).any() or (after[there.cpu()] == UNLABELLED).any():
                continue
            carried = warp_labels(before[None].to(self.device), displacement, slices)[0].cpu().numpy()
            for name, value in STRUCTURES.items():
                both = (carried == value), (after.numpy() == value)
                if both[0].any() or both[1].any():
                    overlap[name].append(dice(*both))
        masks = {f"dice_{name}": float(np.mean(values)) for name, values in overlap.items() if values}
        return {
            "unexplained_motion": missed / motion if motion else float("nan"),
            "folded": float(np.mean(folds)),
            **masks,
        }

    def _normalise(self, latents: Tensor, slices: Tensor) -> Tensor:
        return (latents - self.mean) / self.standard_deviation * slices


def systole_of(store: TensorStore) -> list[int]:
    """Frame of end-systole of every subject of a store; the middle frame where it is unknown."""
    es_phase = torch.from_numpy(es_of_frames(store.table))
    return frame_of_systole(es_phase, store.images.shape[1])


def local_correlation(first: Tensor, second: Tensor, window: int) -> Tensor:
    """Squared normalised correlation in the in-plane window about every voxel, (b, 1, z, y, x), in [0, 1].

    Windows are cut at the border; where either image is constant within the window the value is 0.
    """

    def average(values: Tensor) -> Tensor:
        return functional.avg_pool3d(
            values,
            (1, window, window),
            stride=1,
            padding=(0, window // 2, window // 2),
            count_include_pad=False,
        )

    first, second = first.float(), second.float()
    mean_1, mean_2 = average(first), average(second)
    covariance = average(first * second) - mean_1 * mean_2
    variance_1 = (average(first**2) - mean_1**2).clamp(min=0)
    variance_2 = (average(second**2) - mean_2**2).clamp(min=0)
    # The constant is the variance of noise of 1 % of the range in both: what lies below it is no structure.
    return covariance**2 / (variance_1 * variance_2 + 1e-8)


def one_hot(labels: Tensor) -> Tensor:
    """Canonical labels (b, z, y, x) as (b, classes, z, y, x), float32; all 0 where there is no annotation."""
    known = labels != UNLABELLED
    classes = torch.arange(CLASSES, device=labels.device).view(1, -1, 1, 1, 1)
    return ((labels[:, None] == classes) & known[:, None]).float()


def warp_labels(labels: Tensor, displacement: Tensor, slices: Tensor) -> Tensor:
    """Canonical labels (b, z, y, x) read at displaced voxels: the class with the largest interpolated share, uint8."""
    return warp(one_hot(labels), displacement, slices).argmax(dim=1).to(torch.uint8)


def warped_mask_loss(labels: Tensor, displacement: Tensor, slices: Tensor) -> Tensor:
    """1 - soft Dice of warped ED masks and those of ES, mean over structures; 0 where no subject has both.

    Parameters
    ----------
    labels : Tensor, shape (b, 2, z, y, x)
        Canonical labels of ED and ES, `UNLABELLED` where there is no annotation.
    displacement : Tensor, shape (b, 3, z, y, x)
        In voxels.
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists.
    """
    unknown = (labels == UNLABELLED) & (slices > 0)  # (b, 2, z, y, x): slices have one channel
    usable = ~unknown.flatten(1).any(dim=1)
    usable = repeat(usable, "b -> b 1 1 1 1").float()
    carried = warp(one_hot(labels[:, 0]), displacement, slices) * usable
    truth = one_hot(labels[:, 1]) * usable
    shared = (carried * truth).sum(dim=(0, 2, 3, 4))[1:]
    total = (carried + truth).sum(dim=(0, 2, 3, 4))[1:]
    return 1 - ((2 * shared + 1) / (total + 1)).mean()


def scaled(code: Tensor, amounts: Tensor) -> Tensor:
    """Codes (b, t, k, z, y, x) of one code (b, k, z, y, x) scaled by amounts (b, t)."""
    return code[:, None] * rearrange(amounts, "b t -> b t 1 1 1 1")
