"""The study's own feature extractor: a masked autoencoder of the fold's real training cines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.networks.masked_autoencoder import AXES, MaskedAutoencoderNetwork


class MaskedAutoencoder(TrainableModel):
    """Learns cines by filling in hidden patches of clips along time and along slices, and the order of frames.

    Filling in alone makes features that hardly notice shuffled frames: neighbouring frames are much alike.
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
        """One random clip of each subject, all along the same axis, drawn anew for each batch."""
        axis = _draw(len(AXES), generator)
        # Stacks of one batch share a length: the shortest, at a random height in the longer ones.
        length = int(self.slice_mask[indices].sum(axis=1).min())
        clips = [torch.from_numpy(self._clip(AXES[axis], index, length, generator)) for index in indices]
        return {"clips": torch.stack(clips).float(), "axis": torch.full((len(indices),), axis)}

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
    ) -> tuple[Tensor, dict[str, float]]:
        """Error of the hidden patches and, of cycles, of telling them from the same with their frames shuffled."""
        clips, axis = batch["clips"], batch["axis"]
        name = AXES[int(axis[0])]
        n = len(self.network.places(clips.shape[1:]))
        order = torch.rand(len(clips), n, generator=generator).argsort(dim=1).to(clips.device)
        visible, hidden = order.tensor_split([max(1, round(n * (1 - self.mask_fraction)))], dim=1)
        tokens = self.network.encode(clips, axis, visible)
        filling = self.network.filling(clips, tokens, visible, hidden)
        if name != "temporal":
            return filling, {name: float(filling.detach())}
        frames = torch.rand(clips.shape[:2], generator=generator).argsort(dim=1).to(clips.device)
        shuffled = clips.gather(1, frames[..., None, None].expand_as(clips))
        telling = self.network.telling(tokens, self.network.encode(shuffled, axis, visible))
        parts = {name: float(filling.detach()), "order": float(telling.detach())}
        return filling + self.order_weight * telling, parts

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
        index = torch.full((len(clips),), AXES.index(axis), device=self.device)
        return self.network.encode(clips.to(self.device), index).mean(dim=1)


def _draw(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
