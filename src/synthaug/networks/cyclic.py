"""Convolutions over a heart cycle: the frame after the last is the first."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn import functional

Network = TypeVar("Network", bound=nn.Module)


def make_cyclic(network: Network) -> Network:
    """Let every 3D convolution of a network wrap around its first spatial axis, the time.

    Parameters
    ----------
    network : nn.Module
        Takes (b, c, t, y, x); its convolutions pad with zeros, and its transposed ones multiply their
        resolution exactly (kernel 2 + stride, stride 1 or 2, padding 1).

    Returns
    -------
    nn.Module
        The network itself. A shift of its input by a whole number of coarsest frames shifts its output
        alike; parameters and their names stay what they were.
    """
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose3d):
            layer.register_forward_pre_hook(_wrap_by_one)
            layer.register_forward_hook(_trim)
        elif isinstance(layer, nn.Conv3d):
            frames, y, x = (int(size) for size in layer.padding)
            layer.padding = (0, y, x)
            layer.register_forward_pre_hook(_Wrap(frames))
    return network


class _Wrap:
    """Take frames of the end before the start, and of the start after the end."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
        return (functional.pad(inputs[0], (0, 0, 0, 0, self.frames, self.frames), mode="circular"),)


_wrap_by_one = _Wrap(1)


def _trim(layer: nn.ConvTranspose3d, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """Cut off what a frame before the start and one after the end became: as many as the stride, each."""
    frames = layer.stride[0]
    return output[:, :, frames:-frames]
