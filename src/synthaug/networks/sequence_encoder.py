"""Sequence-aware encoder: what the frames before say of the next one."""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from synthaug.networks.blocks import ChannelNorm, ResidualBlock, plane_convolution
from synthaug.networks.causal_transformer import CausalBlock, KeyValues
from synthaug.networks.embeddings import HARMONICS, cyclic_features


class SequenceEncoder(nn.Module):
    """A context volume for every frame from the frames before it, whatever the later ones are.

    The token of frame n at a voxel holds the latent of frame n - 1 there and the cardiac phase of frame n; that of the
    first frame is learned: the null sequence. A frame that is missing leaves another learned vector. Blocks attend
    over the frames of a voxel, causally, then convolve within each frame.

    Parameters
    ----------
    channels : int
        Channels of the latents.
    width, depth, heads : int
        Features of a voxel, blocks, attention heads.

    References
    ----------
    Yoon et al., SADM, IPMI 2023 (sequence-aware transformer, missing frames); Arnab et al., ViViT, ICCV 2021
    (factorised space and time).
    """

    def __init__(self, channels: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.input = plane_convolution(channels + 1, width)
        self.phase = nn.Linear(2 * HARMONICS, width)
        self.start = nn.Parameter(torch.randn(width) * 0.02)
        self.missing = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(SequenceBlock(width, heads) for _ in range(depth))
        self.norm = ChannelNorm(width)

    def forward(self, latents: Tensor, known: Tensor, phases: Tensor, slices: Tensor) -> Tensor:
        """Contexts of all frames, (b, t, width, z, y, x).

        Parameters
        ----------
        latents : Tensor, shape (b, t, c, z, y, x)
            Normalised; the last frame is not looked at.
        known : Tensor of bool, shape (b, t)
            False where a frame is missing.
        phases : Tensor, shape (b, t)
            Cardiac phase of every frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        """
        before = self._embed(latents[:, :-1], slices)
        hidden = rearrange(self.missing, "w -> w 1 1 1")
        before = torch.where(known[:, :-1, None, None, None, None], before, hidden)
        tokens = torch.cat([self._null(latents[:, :1]), before], dim=1) + self._when(phases)
        for block in self.blocks:
            tokens = block(tokens, slices)
        return self._finish(tokens)

    def begin(self, like: Tensor, phases: Tensor, slices: Tensor) -> tuple[Tensor, list[KeyValues]]:
        """Context of the first frame, (b, width, z, y, x), and what `proceed` needs for the others.

        Parameters
        ----------
        like : Tensor, shape (b, c, z, y, x)
            A latent of the shape of the frames; its values are not looked at.
        phases, slices : Tensor
            As those of `forward`.
        """
        layers = [KeyValues(phases.shape[1]) for _ in self.blocks]
        return self._advance(self._null(like[:, None]), phases[:, :1], slices, layers), layers

    def proceed(self, latents: Tensor, phase: Tensor, slices: Tensor, layers: list[KeyValues]) -> Tensor:
        """Context of the next frame, whose phase is (b,), after the frame of these latents, (b, c, z, y, x)."""
        return self._advance(self._embed(latents[:, None], slices), phase[:, None], slices, layers)

    def _advance(self, tokens: Tensor, phases: Tensor, slices: Tensor, layers: list[KeyValues]) -> Tensor:
        tokens = tokens + self._when(phases)
        for block, layer in zip(self.blocks, layers, strict=True):
            tokens = block(tokens, slices, layer)
        return self._finish(tokens)[:, 0]

    def _embed(self, latents: Tensor, slices: Tensor) -> Tensor:
        """Features (b, t, width, z, y, x) of each frame by itself."""
        b, t, _, _, y, x = latents.shape
        folded = rearrange(latents, "b t c z y x -> (b t) c z y x")
        there = repeat(slices, "b 1 z 1 1 -> (b t) 1 z y x", t=t, y=y, x=x)
        features = self.input(torch.cat([folded * there, there], dim=1))
        return rearrange(features, "(b t) w z y x -> b t w z y x", b=b)

    def _null(self, like: Tensor) -> Tensor:
        z, y, x = like.shape[3:]
        return repeat(self.start, "w -> b 1 w z y x", b=len(like), z=z, y=y, x=x)

    def _when(self, phases: Tensor) -> Tensor:
        return rearrange(self.phase(cyclic_features(phases, HARMONICS)), "b t w -> b t w 1 1 1")

    def _finish(self, tokens: Tensor) -> Tensor:
        count = tokens.shape[1]
        normed = self.norm(rearrange(tokens, "b t w z y x -> (b t) w z y x"))
        return rearrange(normed, "(b t) w z y x -> b t w z y x", t=count)


class SequenceBlock(nn.Module):
    """Causal attention over the frames of each voxel, then convolutions within each frame; the identity at first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.over_time = CausalBlock(width, heads)
        self.within = ResidualBlock(width, width, through_plane=True)

    def forward(self, tokens: Tensor, slices: Tensor, before: KeyValues | None = None) -> Tensor:
        """Transform (b, t, width, z, y, x): whole sequences, or with keys and values `before` one frame more."""
        b, t, _, z, y, x = tokens.shape
        sequences = rearrange(tokens, "b t w z y x -> (b z y x) t w")
        attended = self.over_time(sequences, before)
        frames = rearrange(attended, "(b z y x) t w -> (b t) w z y x", b=b, z=z, y=y, x=x)
        frames = self.within(frames, slices.repeat_interleave(t, dim=0))
        return rearrange(frames, "(b t) w z y x -> b t w z y x", b=b)
