"""What U-Nets of whole cines have in common: how cines are laid out for the U-Net, and what may steer it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from einops import rearrange
from torch import Tensor, nn

from synthaug.networks.unet import Context, Control, LatentUNet


class Layout(NamedTuple):
    """How a model lays out whole cines for its U-Net: what a control branch must know of it.

    Attributes
    ----------
    unet : LatentUNet
        Sees cines as `fold` lays them out.
    merged : int
        How many channels `fold` makes of one.
    fold : callable
        As `CineUNet.fold`.
    """

    unet: LatentUNet
    merged: int
    fold: Callable[[Tensor], Tensor]


def fold_frames(volumes: Tensor) -> Tensor:
    """Volumes (b, t, c, z, y, x) with the frames in the batch."""
    return rearrange(volumes, "b t c z y x -> (b t) c z y x")


class CineUNet(nn.Module, ABC):
    """A `LatentUNet` of whole cines; a kind says how (b, t, c, z, y, x) is laid out for it.

    Attributes
    ----------
    unet : LatentUNet
        Sees cines as `fold` lays them out.
    merged : int
        How many channels `fold` makes of one: the slices, where they are stacked on the channels, else 1.
    """

    unet: LatentUNet
    merged: int

    @abstractmethod
    def fold(self, volumes: Tensor) -> Tensor:
        """Volumes (b, t, c, z, y, x) as the U-Net takes them, with c times `merged` channels.

        A length of 1 along z, y or x, in a layout that keeps the axis, broadcasts against the U-Net's features.
        """

    @property
    def layout(self) -> Layout:
        """What a control branch must know."""
        return Layout(self.unet, self.merged, self.fold)

    def run(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int = 1,
        context: Context | None = None,
        control: Control | None = None,
    ) -> Tensor:
        """The U-Net, steered by `control` where it is given; other arguments as those of `LatentUNet.forward`."""
        return steered(self.unet, control, features, slices, embedding, frames, context)


def steered(
    unet: LatentUNet,
    control: Control | None,
    features: Tensor,
    slices: Tensor,
    embedding: Tensor,
    frames: int = 1,
    context: Context | None = None,
) -> Tensor:
    """What a U-Net gives, steered by `control` where there is one; other arguments as of `LatentUNet.forward`."""
    if control is None:
        plain: Tensor = unet(features, slices, embedding, frames, context)
        return plain
    residuals = control.residuals(features, slices, embedding, frames, context)
    found: Tensor = unet(features, slices, embedding, frames, context, residuals, control.middle)
    return found
