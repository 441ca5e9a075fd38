"""Masked autoencoder: a vision transformer that predicts hidden patches of clips and the order of frames."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.attention import Attention

#: What the first axis of a clip (s, y, x) is: frames of one slice, slices of one frame, or one image.
AXES = ("temporal", "spatial", "image")
_FLAT = 0.03  # standard deviation below which a patch counts as flat, in units of the intensity range
_FIRST_AXIS = 3.0  # length of the first axis in the place code, whatever its number of patches


class TransformerBlock(nn.Module):
    """Pre-normalised self-attention with a bias, then a perceptron."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, nearness: Tensor) -> Tensor:
        """Transform (b, n, width), given what is added to the scores (b or 1, heads, n, n)."""
        tokens = tokens + self.attention(self.attention_norm(tokens), nearness)
        return tokens + self.perceptron(tokens)


class MaskedAutoencoderNetwork(nn.Module):
    """Encoder of visible patches and a light decoder that predicts the hidden ones.

    Each head prefers near patches by its own slope, the last hardly. Copying from the neighbours in
    time or depth is then possible from the start of training.

    Parameters
    ----------
    patch : sequence of 3 ints
        Extent (s, y, x) of a patch, in frames or slices and pixels.
    width, depth, heads : int
        Channels, blocks and attention heads of the encoder.
    decoder_width, decoder_depth : int
        Channels and blocks of the decoder.

    References
    ----------
    He et al., Masked autoencoders are scalable vision learners, CVPR 2022. Tong et al.,
    VideoMAE, NeurIPS 2022. Order of frames as a task: Misra et al., Shuffle and learn, ECCV 2016.
    """

    slopes: Tensor

    def __init__(
        self, patch: Sequence[int], width: int, depth: int, heads: int, decoder_width: int, decoder_depth: int
    ) -> None:
        super().__init__()
        self.register_buffer("slopes", 4.0 ** (1 - torch.arange(heads)), persistent=False)
        self.patch = tuple(patch)
        self.width = width
        self.embed = nn.Linear(math.prod(patch) + 2, width)
        self.axis = nn.Embedding(len(AXES), width)
        self.encoder = nn.ModuleList(TransformerBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.to_decoder = nn.Linear(width, decoder_width)
        self.hidden = nn.Parameter(torch.zeros(decoder_width))
        self.decoder = nn.ModuleList(TransformerBlock(decoder_width, heads) for _ in range(decoder_depth))
        self.predict = nn.Sequential(
            nn.LayerNorm(decoder_width), nn.Linear(decoder_width, math.prod(patch) + 2)
        )
        self.in_order = nn.Linear(width, 1)

    def patches(self, clips: Tensor) -> Tensor:
        """Cut clips (b, s, y, x) into patches (b, n, voxels); short edges are repeated."""
        s, y, x = (-length % size for length, size in zip(clips.shape[1:], self.patch, strict=True))
        clips = functional.pad(clips[:, None], (0, x, 0, y, 0, s), mode="replicate")[:, 0]
        return rearrange(
            clips,
            "b (s ps) (y py) (x px) -> b (s y x) (ps py px)",
            **dict(zip(("ps", "py", "px"), self.patch, strict=True)),
        )

    def places(self, shape: Sequence[int]) -> Tensor:
        """Place of each patch in clips of this shape (s, y, x), in patches: (n, 3)."""
        lengths = [-(-length // size) for length, size in zip(shape, self.patch, strict=True)]
        axes = [torch.arange(length, device=self.hidden.device) + 0.5 for length in lengths]
        # A fraction of the cycle or of the stack, so that stacks of 8 and of 12 slices are alike.
        axes[0] = axes[0] * (_FIRST_AXIS / lengths[0])
        return torch.cartesian_prod(*axes)

    def nearness(self, places: Tensor) -> Tensor:
        """What every block adds to its scores (b, heads, n, n): minus the distance of two places (b, n, 3), times the slope.

        Made once: on large grids it is what takes most of the memory.
        """
        distances = rearrange(torch.cdist(places, places), "b n m -> b 1 n m")
        nearness = -distances * rearrange(self.slopes, "h -> h 1 1")
        half = torch.is_autocast_enabled(nearness.device.type)
        return nearness.to(torch.get_autocast_dtype(nearness.device.type)) if half else nearness

    def encode(self, clips: Tensor, axis: Tensor, visible: Tensor | None = None) -> Tensor:
        """Encode clips (b, s, y, x) into tokens (b, n, width), of the visible patches only if given.

        Parameters
        ----------
        clips : Tensor, shape (b, s, y, x)
            Intensities in [0, 1].
        axis : Tensor of int, shape (b,)
            Index in `AXES`.
        visible : Tensor of int, shape (b, n_visible), optional
            Patches the encoder may see.
        """
        tokens, nearness = self._embedded(clips, axis, visible)
        for block in self.encoder:
            tokens = block(tokens, nearness)
        return self.norm(tokens)

    def block_features(self, clips: Tensor, axis: Tensor) -> list[Tensor]:
        """Tokens (b, n, width) of all patches after each block of the encoder; arguments as of `encode`."""
        tokens, nearness = self._embedded(clips, axis)
        features = []
        for block in self.encoder:
            tokens = block(tokens, nearness)
            features.append(tokens)
        return features

    def _embedded(self, clips: Tensor, axis: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Tokens (b, n, width) before the first block, and what each block adds to its scores."""
        places = self.places(clips.shape[1:])[None]
        tokens = self.embed(_with_contrast(self.patches(clips)))
        tokens = tokens + _code(places, self.width) + self.axis(axis)[:, None]
        if visible is not None:
            tokens = tokens.gather(1, repeat(visible, "b n -> b n c", c=self.width))
            places = places[0, visible]
        return tokens, self.nearness(places)

    def predict_hidden(self, shape: Sequence[int], tokens: Tensor, visible: Tensor, hidden: Tensor) -> Tensor:
        """Predict the hidden patches, as `targets` gives them: (b, n_hidden, voxels + 2).

        Parameters
        ----------
        shape : sequence of 3 ints
            (s, y, x) of the clips.
        tokens : Tensor, shape (b, n_visible, width)
            Output of `encode` for the visible patches.
        visible, hidden : Tensor of int, shapes (b, n_visible) and (b, n_hidden)
            Patches that were encoded, and those to predict.
        """
        tokens = self.to_decoder(tokens)
        b, n_hidden, c = *hidden.shape, tokens.shape[-1]
        places = self.places(shape)[torch.cat([visible, hidden], dim=1)]
        tokens = torch.cat([tokens, self.hidden.expand(b, n_hidden, c)], dim=1) + _code(places, c)
        nearness = self.nearness(places)
        for block in self.decoder:
            tokens = block(tokens, nearness)
        predicted: Tensor = self.predict(tokens[:, -n_hidden:])
        return predicted

    def targets(self, clips: Tensor, hidden: Tensor) -> Tensor:
        """The hidden patches (b, n_hidden, voxels + 2): normalised voxels, then their mean and deviation."""
        target = _with_contrast(self.patches(clips))
        return target.gather(1, repeat(hidden, "b n -> b n p", p=target.shape[-1]))

    def order_logits(self, tokens: Tensor) -> Tensor:
        """Logit of frames in order, (b, 1), by a linear layer on the mean of tokens (b, n, width)."""
        logits: Tensor = self.in_order(tokens.mean(dim=1))
        return logits


def _code(places: Tensor, width: int) -> Tensor:
    """Sines and cosines of places (b, n, 3) at wavelengths from 6 to 400 patches: (b, n, width)."""
    frequencies = 64.0 ** -torch.linspace(0, 1, width // 6, device=places.device)
    angles = rearrange(places[..., None] * frequencies, "b n three f -> b n (three f)")
    code = torch.cat([angles.sin(), angles.cos()], dim=-1)
    return functional.pad(code, (0, width - code.shape[-1]))


def _with_contrast(patches: Tensor) -> Tensor:
    """Patches (b, n, voxels) normalised each, followed by their mean and standard deviation.

    In raw intensities the mean brightness of a patch outweighs all structure, in the features
    as well as in the loss. The constant keeps noise in flat background small.
    """
    mean, deviation = patches.mean(-1, keepdim=True), patches.std(-1, keepdim=True)
    return torch.cat([(patches - mean) / (deviation + _FLAT), mean, deviation], dim=-1)
