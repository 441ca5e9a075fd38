"""ControlNet branch on a trained diffusion model of whole cines: masks or edges of its frames steer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from synthaug.config.control_branch import ControlBranchSettings
from synthaug.config.generators import SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore, known_frames
from synthaug.diffusion.noise import Noise
from synthaug.labels import UNLABELLED
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.cine_diffusion import CineDiffusion
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.latent_diffusion import ConditionedPredict
from synthaug.models.latents import slice_weights
from synthaug.models.shared_rows import shared_rows
from synthaug.models.structure import (
    canny_edges,
    drop_frames,
    edge_channels,
    label_channels,
    label_edges,
)
from synthaug.models.text_diffusion import Collect, TextDiffusion
from synthaug.networks.blocks import trainable_copy
from synthaug.networks.control import EncoderCopy, StructureEncoder
from synthaug.networks.unet import Context, Control

#: Diffusion models that a branch steers.
Base = CineDiffusion | TextDiffusion
#: Key of the structure of a batch: uint8 (b, t, z, y, x), `UNLABELLED` where it is unknown.
STRUCTURE = "structure"


class ControlBranch(TrainableModel):
    """Structure of some or all frames of a cycle as a further condition of a trained diffusion model of cines.

    Data        z as the base's, (b, t', c, z, y, x);  m: LV, MYO, RV one-hot or Canny edges, 0 where unknown, and a
                channel that says where they are known, (b, t, 4 or 2, z, y, x), at the resolution of the images
    Forward     z_t = alpha_t z + sigma_t e,  e ~ N(0, I)
    Prediction  f(x, t, c; theta) + z_2(f(x + z_1(m), t, c; theta_c), theta_z2);  x: what the base's U-Net reads;
                theta_c: a copy of its encoder and middle; z_1, z_2: convolutions of size 1 that start at 0; the sum is
                taken at every skip connection and at the middle
    Loss        the base's, with its dropout of c; of some samples only a random share of the frames of m is given
    Trained     theta_c, z_1, z_2 and the encoder of m; with `trainable_base: middle` a copy of the base's first
                middle block, which replaces it; nothing else of the base

    Before the first step the prediction is the base's, whatever m is.

    Attributes
    ----------
    base : CineDiffusion or TextDiffusion
        Any diffusion model of whole cines that has `layout`, whose `predictor` takes a `Control` and hands it to its U-Net
        (`CineUNet.run` does), and that has what `ConditionedLatents` and `LatentDiffusion` have.

    References
    ----------
    Zhang et al., ControlNet, ICCV 2023; Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images,
    equations 2 to 4. The paper says of the base both that it is trained in its first middle block only and that the
    copy alone is updated: a key, frozen by default. Equation 3 prints z(x) for the zero convolution of the condition.
    """

    def __init__(
        self,
        settings: ControlBranchSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        self.conditions = (*self.base.conditions, "labels")
        layout = self.base.layout
        if layout is None:
            raise SynthaugError(
                "control_branch: the diffusion model's network has no U-Net to copy; give it network: unet or "
                "factorised_unet"
            )
        if settings.frames_drawn and not isinstance(self.base, TextDiffusion):
            raise SynthaugError(
                "control_branch.frames_drawn: the diffusion model takes whole cines only; leave the key out, or steer a "
                "text_diffusion"
            )
        _, _, rows, columns = self.autoencoder.latent_shape
        cell = (self.autoencoder.frames_per_latent, -(-grid.y // rows), -(-grid.x // columns))
        channels = 4 if settings.structure == "labels" else 2
        self.encoder = StructureEncoder(channels, settings.width, cell)
        self.branch = EncoderCopy(layout.unet, settings.width * layout.merged)
        middle = settings.trainable_base == "middle"
        self.middle = trainable_copy(layout.unet.middle) if middle else None

    @property
    def base(self) -> Base:
        """The trained diffusion model; frozen."""
        return cast(Base, self.needs["diffusion"])

    @property
    def autoencoder(self) -> LatentAutoencoder:
        """The autoencoder of the latents."""
        return cast(LatentAutoencoder, self.needs["autoencoder"])

    def prepare(self, store: TensorStore) -> None:
        """Encode the cines as the base's training does; take or make their structure."""
        self.base.take_cines(store, self.settings.copies, self.settings.augmentation)
        if self.settings.structure == "canny":
            self._edges = self._edges_of(store)
            return
        self._store = store
        self._known = np.stack([known_frames(labels) for labels in store.labels])
        self._decoded = {} if self.settings.masks == "own" else self._decode(store)
        if not (self._known.any() or self._decoded):
            raise SynthaugError(
                "control_branch: no training subject has labels to steer by; label some, or set masks: decoded or "
                "structure: canny"
            )

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """The base's batch, of the frames that an item has, and the structure of those that are given."""
        copies = self.base.draw_copies(len(indices), generator)
        frames = self.base.draw_frames(len(indices), self.settings.frames_drawn, generator)
        batch = self.base.cine_batch(indices, generator, copies, frames)
        merged = self.autoencoder.frames_per_latent
        shown = (frames[:, :, None] * merged + torch.arange(merged)).flatten(1)
        structure = torch.stack(
            [
                self._structure(int(number), index, taken)
                for number, index, taken in zip(copies, indices, shown, strict=True)
            ]
        )
        known = (structure != UNLABELLED).flatten(2).any(dim=2)
        given = drop_frames(known, self.settings.drop_frames, generator)
        structure[~given] = UNLABELLED
        return {**batch, STRUCTURE: structure}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over existing slices of all frames, the base steered by the structure."""
        values = {name: value for name, value in batch.items() if name != STRUCTURE}
        slices = batch["slices"][:, None]
        data = self.base.normalise(batch["latents"], slices)
        control = self.control(*self.encode(batch[STRUCTURE], batch["slices"]))
        predict = self.base.predictor(values, batch["phases"], batch["slices"], control)
        return self.base.diffusion_loss(predict, data, slices, generator), {}

    def encode(self, structure: Tensor, slices: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Features of a structure, (b, t', width, z, y', x'), and the factor of the residuals of each sample, (b,).

        Parameters
        ----------
        structure : Tensor of uint8, shape (b, t, z, y, x)
            Labels or, with `structure: canny`, edges; `UNLABELLED` where unknown.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        scale : float
            The factor; a sample without any structure has 0, in training, too: the base's prediction, but for the middle
            block that `trainable_base: middle` has put in the place of the base's.
        """
        channels = label_channels if self.settings.structure == "labels" else edge_channels
        features: Tensor = self.encoder(channels(structure), slices)
        given = (structure != UNLABELLED).flatten(1).any(dim=1)
        return features, scale * given.to(features.dtype)

    def control(self, features: Tensor, strength: Tensor) -> Control:
        """What steers the base's U-Net, from `encode`."""
        layout = self.base.layout
        assert layout is not None  # refused where it is made
        frames = features.shape[1]
        features = layout.fold(features)
        strength = strength.view(-1, 1, 1, 1, 1, 1)
        factor = layout.fold(strength.expand(-1, frames, -1, -1, -1, -1))

        def residuals(
            hidden: Tensor, which: Tensor, embedding: Tensor, frames: int, context: Context | None
        ) -> list[Tensor]:
            found: list[Tensor] = self.branch(features, factor, hidden, which, embedding, frames, context)
            return found

        return Control(residuals, self.middle)

    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        structure: Tensor,
        noise: Noise,
        settings: SamplerSettings,
        scale: float = 1.0,
        collect: Collect | None = None,
    ) -> Tensor:
        """Latents of whole cycles that follow a structure.

        Parameters
        ----------
        values, phases, slices, noise, settings
            As those of the base's `sample`.
        structure, scale
            As those of `encode`.
        collect : callable, optional
            As that of `TextDiffusion.sample`, of a base that reads sentences; of its layers and those of the branch.

        Returns
        -------
        Tensor, shape (b, t', c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.

        Notes
        -----
        The unconditional prediction of classifier-free guidance is steered, too: guidance is towards the conditions.
        """
        collecting: dict[str, Any] = {} if collect is None else {"collect": collect}

        def predictor(
            values: Mapping[str, Tensor], phases: Tensor, slices: Tensor, features: Tensor, strength: Tensor
        ) -> ConditionedPredict:
            return self.base.predictor(values, phases, slices, self.control(features, strength), **collecting)

        given = (values, phases, slices, *self.encode(structure, slices, scale))
        shape = (phases.shape[1], *self.autoencoder.latent_shape)
        data = self.base.solve(
            predictor, given, noise, shape, settings, apart=None if collect is None else True
        )
        return self.base.denormalise(data, slices[:, None])

    def structure_of(self, labels: np.ndarray | None, cine: np.ndarray | None = None) -> np.ndarray:
        """What the branch reads of requested masks or of a cine, uint8, `UNLABELLED` where unknown.

        Parameters
        ----------
        labels : ndarray of uint8, shape (t, z, y, x), or None
        cine : ndarray, shape (t, z, y, x), or None
            Intensities in [0, 1]; its edges are taken with `structure: canny`, and those of the label map without it.
        """
        if self.settings.structure == "canny" and cine is not None:
            return canny_edges(cine).astype(np.uint8)
        assert labels is not None
        return labels if self.settings.structure == "labels" else label_edges(labels)

    def assess(self, store: TensorStore) -> dict[str, float]:
        """How many frames of the training cines have masks of their own, and how many those of the autoencoder."""
        if self.settings.structure == "canny":
            return {}
        own = sum(int(known_frames(labels).sum()) for labels in store.labels)
        frames = store.labels.shape[0] * store.labels.shape[1]
        decoded = frames - own if self.settings.masks == "decoded" else 0
        return {"own_mask_frames": float(own), "decoded_mask_frames": float(decoded)}

    def _structure(self, number: int, index: int, frames: Tensor) -> Tensor:
        """Structure (t, z, y, x) of frames (t,) of an encoded copy of a training subject."""
        if self.settings.structure == "canny":
            packed = self._edges[number, index, frames].numpy()
            made = torch.from_numpy(np.unpackbits(packed, axis=-1, count=self.grid.x))
            made[:, self.base.slices[index, 0, :, 0, 0] == 0] = UNLABELLED
            return made
        labels = torch.from_numpy(self._store.labels[index][frames.numpy()])
        if index in self._decoded:
            own = torch.from_numpy(self._known[index])[frames]
            labels = torch.where(own[:, None, None, None], labels, self._decoded[index][frames])
        known = (labels != UNLABELLED).flatten(1).any(dim=1)
        if known.any():
            labels[known] = self.base.cache.geometries[number][index].apply(labels[known], labels=True)
        return labels

    @torch.no_grad()
    def _decode(self, store: TensorStore) -> dict[int, Tensor]:
        """Labels (t, z, y, x) that the autoencoder decodes of each subject with frames without annotation."""
        subjects = np.flatnonzero(~self._known.all(axis=1)).tolist()
        made = torch.empty(len(subjects), *store.labels.shape[1:], dtype=torch.uint8)
        for row in shared_rows(len(subjects), [made], self.device):
            index = subjects[row]
            cine = torch.from_numpy(store.images[index].astype(np.float32))[None]
            decoded = self.autoencoder.reconstruct(cine, slice_weights(store.slice_mask[index]))[1]
            if decoded is None:
                raise SynthaugError(
                    "control_branch.masks: the autoencoder decodes no masks; set masks: own, or its masks: true"
                )
            made[row] = decoded[0].cpu()
            made[row][:, torch.from_numpy(~store.slice_mask[index])] = UNLABELLED
        return dict(zip(subjects, made, strict=True))

    def _edges_of(self, store: TensorStore) -> Tensor:
        """Edges of every copy of every subject, one bit a pixel: uint8, (copies, n, t, z, y, ceil(x / 8))."""
        geometries = self.base.cache.geometries
        *outer, x = store.images.shape
        edges = torch.empty(len(geometries), *outer, -(-x // 8), dtype=torch.uint8)
        for index in shared_rows(len(store), [edges.transpose(0, 1)], self.device):
            image = torch.from_numpy(store.images[index].astype(np.float32))
            for copy, moved in enumerate(geometries):
                found = canny_edges(moved[index].apply(image).numpy())
                edges[copy, index] = torch.from_numpy(np.packbits(found, axis=-1))
        return edges
