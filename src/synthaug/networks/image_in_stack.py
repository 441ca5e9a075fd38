"""Encoder of single images, each seen beside its slice at end-diastole and within its stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import halving_convolutions


class ImageInStack(nn.Module):
    """Convolutions of an image and its end-diastolic one, the mean over pixels, the mean over the stack, and two layers.

    One image does not show the size of a heart, nor does it show motion: each therefore comes with the same slice at
    end-diastole and with the mean over the slices of its stack, which is also given times the height of the stack.
    Features are standardised over the images of a batch, whose means are much alike.

    Parameters
    ----------
    channels : sequence of int
        Channels after each halving of the plane.
    width : int
        Length of the vector.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.images = halving_convolutions(2, channels)
        self.standardise = nn.BatchNorm1d(3 * channels[-1] + 2, affine=False)
        hidden = 2 * width
        self.head = nn.Sequential(
            nn.Linear(3 * channels[-1] + 2, hidden), nn.SiLU(), nn.Linear(hidden, width)
        )

    def forward(self, stacks: Tensor, places: Tensor, heights: Tensor) -> Tensor:
        """Unit vectors of images.

        Parameters
        ----------
        stacks : Tensor, shape (b, z, 2, y, x)
            Each image's slice at end-diastole, and the image; intensities in [0, 1].
        places : Tensor, shape (b, z)
            Place of each slice in its stack, 0 base to 1 apex.
        heights : Tensor, shape (b,)
            Height of the stack, relative to that of the grid.

        Returns
        -------
        Tensor, shape (b, z, width)
        """
        maps = self.images(rearrange(stacks, "b z two y x -> (b z) two y x"))
        own = reduce(maps, "(b z) c y x -> b z c", "mean", b=len(stacks))
        around = own.mean(dim=1, keepdim=True).expand_as(own)
        height = heights[:, None, None].expand(-1, own.shape[1], 1)
        described = torch.cat([own, around, around * height, places[..., None], height], dim=-1)
        standard = self.standardise(rearrange(described, "b z c -> (b z) c"))
        vectors = functional.normalize(self.head(standard), dim=1)
        return rearrange(vectors, "(b z) c -> b z c", b=len(stacks))
