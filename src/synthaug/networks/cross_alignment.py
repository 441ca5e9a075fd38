"""Words and image tokens in one space, and cross-attention between them in both directions."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from synthaug.networks.attention import Attention
from synthaug.networks.blocks import zero_linear
from synthaug.networks.relevance import Relevance, mean_over
from synthaug.networks.stack_patches import StackPatches, StackPlaces


class Crossed(NamedTuple):
    """Tokens after cross-attention.

    Attributes
    ----------
    image, words : Tensor, shape (b, p, width), (b, n, width)
        After all layers.
    last_image, last_words : Tensor, shape (b, p, width), (b, n, width)
        As the last layer attends to them.
    maps : list of (Tensor, Tensor)
        Attention weights of each layer: (b, heads, p, n) of image tokens, (b, heads, n, p) of words.
    """

    image: Tensor
    words: Tensor
    last_image: Tensor
    last_words: Tensor
    maps: list[tuple[Tensor, Tensor]]


class LayerCrossed(NamedTuple):
    """Tokens after a layer and as it attends to them, and its attention weights."""

    image: Tensor
    words: Tensor
    own_image: Tensor
    own_words: Tensor
    of_image: Tensor
    of_words: Tensor


class CrossLayer(nn.Module):
    """Two symmetrical cross-attentions: each modality attends to the other as it is before the layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.image_norm, self.word_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_words = Attention(width, heads, width)
        self.to_image = Attention(width, heads, width)

    def forward(self, image: Tensor, words: Tensor, existing: Tensor, known: Tensor) -> LayerCrossed:
        """Attend; tokens that do not exist, (b, p), and words that are not known, (b, n), are not attended to."""
        own_image, own_words = self.image_norm(image), self.word_norm(words)
        of_image: list[Tensor] = []
        of_words: list[Tensor] = []
        seen_words = self.to_words(own_image, known[:, None, None], own_words, of_image)
        seen_image = self.to_image(own_words, existing[:, None, None], own_image, of_words)
        return LayerCrossed(
            image + seen_words, words + seen_image, own_image, own_words, of_image[0], of_words[0]
        )


class CrossAlignment(nn.Module):
    """Projections of words and image tokens to one width, cross-attention, weights of tokens.

    Its methods are called, never the module: a compiled call could not be differentiated twice.

    Parameters
    ----------
    word_width : int
        Features of a token of the text encoder.
    patches : StackPatches
        What an image token is.
    width, heads : int
        Features of a token, attention heads.
    depth : int
        Layers of cross-attention; 0 for none.
    weighted : bool
        Whether tokens have learned weights.

    References
    ----------
    Liu et al., TexDC, section 3.2.
    """

    def __init__(
        self, word_width: int, patches: StackPatches, width: int, heads: int, depth: int, weighted: bool
    ) -> None:
        super().__init__()
        self.patches = patches
        self.words = nn.Linear(word_width, width)
        self.image = nn.Linear(patches.features, width)
        self.places = StackPlaces(patches, width)
        self.layers = nn.ModuleList(CrossLayer(width, heads) for _ in range(depth))
        self.image_weight = zero_linear(width, 1) if weighted else None
        self.word_weight = zero_linear(width, 1) if weighted else None

    def embed_words(self, tokens: Tensor) -> Tensor:
        """Features (b, n, word_width) of a text encoder as (b, n, width)."""
        embedded: Tensor = self.words(tokens)
        return embedded

    def embed_image(self, latents: Tensor, phases: Tensor) -> Tensor:
        """Image tokens (b, p, width) of normalised latents (b, t, c, z, y, x) of frames of these phases (b, t)."""
        embedded: Tensor = self.image(self.patches.cut(latents)) + self.places(phases)
        return embedded

    def cross(self, image: Tensor, words: Tensor, existing: Tensor, known: Tensor) -> Crossed:
        """Attend; tokens that do not exist, (b, p), and words that are not known, (b, n), are not attended to."""
        maps = []
        last_image, last_words = image, words
        for layer in self.layers:
            image, words, last_image, last_words, of_image, of_words = layer(image, words, existing, known)
            maps.append((of_image, of_words))
        return Crossed(image, words, last_image, last_words, maps)

    def relevant(
        self, crossed: Crossed, relevance: Relevance, existing: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each image token sees of the words, and each word of the image, by relevance in place of attention.

        Returns
        -------
        tuple of 2 Tensors, shape (b, p, width), (b, n, width)
        """
        layer = cast(CrossLayer, self.layers[-1])
        of_image, of_words = crossed.maps[-1]
        to_words = relevance_weights(relevance.image_words, of_image.mean(dim=1), existing)
        to_image = relevance_weights(relevance.words_image, of_words.mean(dim=1), known)
        return layer.to_words.mix(to_words, crossed.last_words), layer.to_image.mix(
            to_image, crossed.last_image
        )

    def weights(self, image: Tensor, words: Tensor, existing: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Learned weights of image tokens (b, p) and of words (b, n), alike at first; they sum to 1, so that no loss vanishes with them."""
        assert self.image_weight is not None and self.word_weight is not None
        pairs = ((self.image_weight, image, existing), (self.word_weight, words, known))
        of_image, of_words = (
            layer(tokens)[..., 0].float().masked_fill(~there, -torch.inf).softmax(dim=1)
            for layer, tokens, there in pairs
        )
        return of_image, of_words


def relevance_weights(relevance: Tensor, attention: Tensor, there: Tensor) -> Tensor:
    """Relevance (b, n, m) with rows that sum to 1; a row without any is that of the attention.

    A tenth of the mean relevance of the rows that are there, (b, n), is spread by attention over each: a quotient of
    nearly nothing would have gradients without bound.
    """
    total = relevance.sum(dim=-1, keepdim=True)
    least = 0.1 * mean_over(total, there)[:, None].detach() + 1e-12
    return (relevance + least * attention) / (total + least)
