"""The study's own feature extractor: a masked autoencoder of the fold's real training cines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import uniform
from synthaug.models.base import Grid, TrainableModel
from synthaug.networks.masked_autoencoder import AXES, MaskedAutoencoderNetwork


class MaskedAutoencoder(TrainableModel):
    """Masked autoencoder of clips along time and along slices, trained on the order of frames as well.

    Data        x: clip, (b, s, y, x) in [0, 1], cut into patches x_i; visible patches V, hidden patches H
    Prediction  d(e(x_V))_i = normalised x_i, its mean and deviation, i in H;  o(e(x_V)): logit of frames in order
    Loss        |d_i - x_i|^2, mean over H, + w (-log s(o(x)) - log s(-o(x shuffled))) / 2 of clips along time

    Without the order the features hardly differ between ordered and shuffled frames, which are much alike.

    References
    ----------
    He et al., CVPR 2022; Tong et al., VideoMAE, NeurIPS 2022; Misra et al., Shuffle and learn, ECCV 2016.
    """

    def __init__(
        self,
        settings: MaskedAutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.mask_fraction = settings.mask_fraction
        self.order_weight = settings.order_weight
        self.network = MaskedAutoencoderNetwork(
            settings.patch,
            settings.width,
            settings.depth,
            settings.heads,
            settings.decoder_width,
            settings.decoder_depth,
        )

    def prepare(self, store: TensorStore) -> None:
        """Keep the memory-mapped cines; batches are read from them."""
        self.images, self.slice_mask = store.images, store.slice_mask

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """One random clip of each subject by the name of its axis, which is drawn for each batch: (b, s, y, x)."""
        axis = AXES[_draw(len(AXES), generator)]
        # Stacks of one batch share a length: the shortest, at a random height in the longer ones.
        length = int(self.slice_mask[indices].sum(axis=1).min())
        clips = [torch.from_numpy(self._clip(axis, index, length, generator)) for index in indices]
        return {axis: torch.stack(clips).float()}

    def _clip(self, axis: str, index: int, length: int, generator: torch.Generator) -> Any:
        slices = self.slice_mask[index].nonzero()[0]
        frame = _draw(self.images.shape[1], generator)
        if axis == "spatial":
            first = slices[0] + _draw(len(slices) - length + 1, generator)
            return self.images[index, frame, first : first + length].copy()
        z = slices[_draw(len(slices), generator)]
        return self.images[index, :, z].copy() if axis == "temporal" else self.images[index, [frame], z]

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Error of the hidden patches and, of clips along time, cross-entropy of ordered against shuffled frames."""
        ((name, clips),) = batch.items()
        axis = _axis(clips, name)
        n = len(self.network.places(clips.shape[1:]))
        shuffle = uniform((len(clips), n), clips.device, generator).argsort(dim=1)
        # At least one patch on either side: of none there is no error.
        seen = max(1, min(n - 1, round(n * (1 - self.mask_fraction))))
        visible, hidden = shuffle.tensor_split([seen], dim=1)
        tokens = self.network.encode(clips, axis, visible)
        predicted = self.network.predict_hidden(clips.shape[1:], tokens, visible, hidden)
        reconstruction = reconstruction_loss(predicted, self.network.targets(clips, hidden))
        if name != "temporal" or not self.order_weight:
            return reconstruction, {name: reconstruction.detach()}
        frames = uniform(clips.shape[:2], clips.device, generator).argsort(dim=1)
        shuffled = clips.gather(1, frames[..., None, None].expand_as(clips))
        order = order_loss(
            self.network.order_logits(tokens),
            self.network.order_logits(self.network.encode(shuffled, axis, visible)),
        )
        parts = {name: reconstruction.detach(), "order": order.detach()}
        return reconstruction + self.order_weight * order, parts

    @torch.inference_mode()
    def features(self, clips: Tensor, axis: str) -> Tensor:
        """Mean encoder token of each clip, nothing hidden.

        Parameters
        ----------
        clips : Tensor, shape (b, s, y, x)
            Intensities in [0, 1].
        axis : str
            One of `synthaug.networks.masked_autoencoder.AXES`: what s is.

        Returns
        -------
        Tensor, shape (b, width)
            Features.
        """
        clips = clips.to(self.device, non_blocking=True)
        return self.network.encode(clips, _axis(clips, axis)).mean(dim=1)

    def block_features(self, clips: Tensor, axis: str) -> list[Tensor]:
        """Tokens (b, patches, width) after each block of the encoder, nothing hidden; differentiable.

        Arguments as of `features`; the clips lie on the model's device.
        """
        return self.network.block_features(clips, _axis(clips, axis))


def reconstruction_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of hidden patches (b, n, voxels + 2)."""
    return functional.mse_loss(predicted, targets)


def order_loss(ordered: Tensor, shuffled: Tensor) -> Tensor:
    """Cross-entropy of the logits (b, 1) of clips in order, and of the same with their frames shuffled."""
    return functional.softplus(torch.stack([-ordered, shuffled])).mean()


def _axis(clips: Tensor, name: str) -> Tensor:
    """The index of an axis for each of some clips, (b,)."""
    return torch.full((len(clips),), AXES.index(name), device=clips.device)


def _draw(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
