"""Relevance of tokens through layers of cross-attention: gradient times attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Relevance(NamedTuple):
    """How much each token, of the columns, matters to each token, of the rows.

    Attributes
    ----------
    image, words : Tensor, shape (b, p, p), (b, n, n)
        Within one modality; the identity before the first layer.
    image_words : Tensor, shape (b, p, n)
        Of words to image tokens.
    words_image : Tensor, shape (b, n, p)
        Of image tokens to words.
    """

    image: Tensor
    words: Tensor
    image_words: Tensor
    words_image: Tensor


def gradient_attention(target: Tensor, weights: Sequence[Tensor], create_graph: bool = True) -> list[Tensor]:
    """Mean over the heads of the positive part of gradient times attention.

    Parameters
    ----------
    target : Tensor, 0-d
        What tokens are relevant to.
    weights : sequence of Tensor, shape (b, heads, n, m)
        Attention weights that the target was computed from.
    create_graph : bool
        Whether the result can be differentiated again, for a loss.

    Returns
    -------
    list of Tensor, shape (b, n, m)

    References
    ----------
    Chefer et al., Generic attention-model explainability for interpreting bi-modal and encoder-decoder transformers,
    ICCV 2021, equation 5.
    """
    gradients = torch.autograd.grad(target, list(weights), create_graph=create_graph)
    return [
        (gradient * weight).clamp(min=0).mean(dim=1)
        for gradient, weight in zip(gradients, weights, strict=True)
    ]


def relevance_through(layers: Sequence[tuple[Tensor, Tensor]]) -> Relevance:
    """Relevance after layers in which each modality attends to the other as it was before the layer.

    Parameters
    ----------
    layers : sequence of (Tensor, Tensor)
        From `gradient_attention`, of each layer: of image tokens to words (b, p, n), of words to image tokens (b, n, p).

    References
    ----------
    Chefer et al., ICCV 2021, equations 8 to 11.
    """
    to_words, to_image = layers[0]
    b, p, n = to_words.shape
    image = torch.eye(p, device=to_words.device, dtype=to_words.dtype).expand(b, -1, -1)
    words = torch.eye(n, device=to_words.device, dtype=to_words.dtype).expand(b, -1, -1)
    found = Relevance(image, words, to_words, to_image)  # what the rules give from identities and zeros
    for to_words, to_image in layers[1:]:
        own_image, own_words = _normalised(found.image), _normalised(found.words)
        found = Relevance(
            found.image + to_words @ found.words_image,
            found.words + to_image @ found.image_words,
            found.image_words + own_image.mT @ to_words @ own_words,
            found.words_image + own_words.mT @ to_image @ own_image,
        )
    return found


def word_relevance(relevance: Relevance, existing: Tensor, known: Tensor) -> Tensor:
    """Relevance of each word to the match of a pair, (b, n), whose two sides are means over tokens; 0 where unknown.

    Mean over existing image tokens (b, p) of the words' relevance to them, and over known words (b, n) of their
    relevance to one another beyond themselves; 1 is the mean of a pair's words.
    """
    n = known.shape[1]
    beyond = relevance.words - torch.eye(n, device=known.device, dtype=relevance.words.dtype)
    found = mean_over(relevance.image_words, existing) + mean_over(beyond, known)
    found = torch.where(known, found, 0.0)
    # Without the quotient, gradients that merely grow would look like relevance.
    return found / mean_over(found[..., None], known).clamp(min=1e-12)


def mean_over(values: Tensor, there: Tensor) -> Tensor:
    """Mean of (b, n, d) over the n that are there, (b, n)."""
    weights = there.to(values.dtype)[..., None]
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def _normalised(relevance: Tensor) -> Tensor:
    """Rows of what lies beyond the identity divided by their sums, then the identity again."""
    identity = torch.eye(relevance.shape[-1], device=relevance.device, dtype=relevance.dtype)
    beyond = relevance - identity
    return beyond / beyond.sum(dim=-1, keepdim=True).clamp(min=1e-12) + identity
