"""Multi-head attention: of tokens to one another, or to context tokens."""

from __future__ import annotations

import math

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

#: Sequences at most of one call of a fused kernel: CUDA's grids end there in the dimension of the batch (PyTorch, issue 146704).
LAUNCHED = 65_535


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, causal: bool = False
) -> Tensor:
    """Fused attention of any number of sequences; voxels of many cines, each a sequence of frames, are more than a call takes.

    Parameters
    ----------
    query, key, value : Tensor, shape (b, heads, n, d), (b, heads, m, d), (b, heads, m, d)
    mask : Tensor, broadcasts against (b, heads, n, m), optional
        As of `torch.nn.functional.scaled_dot_product_attention`.
    causal : bool
        Whether a query sees no later keys.

    Returns
    -------
    Tensor, shape (b, heads, n, d)
    """
    if len(query) <= LAUNCHED:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
    parts = [slice(start, start + LAUNCHED) for start in range(0, len(query), LAUNCHED)]
    if mask is None or mask.dim() < query.dim() or len(mask) == 1:
        masks = [mask] * len(parts)
    else:
        masks = [mask[part] for part in parts]
    return torch.cat(
        [
            attend(query[part], key[part], value[part], own, causal)
            for part, own in zip(parts, masks, strict=True)
        ]
    )


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d) + mask) V for each head, then a linear layer; no normalisation, no residual.

    Parameters
    ----------
    width : int
        Channels of the tokens.
    heads : int
        Attention heads; they divide the width.
    context : int
        Channels of the context tokens that are attended to; 0 for self-attention.
    normalised : bool
        Whether queries and keys are divided by their root mean square (Dehghani et al., ICML 2023).

    References
    ----------
    Vaswani et al., NeurIPS 2017.
    """

    def __init__(self, width: int, heads: int, context: int = 0, normalised: bool = False) -> None:
        super().__init__()
        self.heads, self.normalised = heads, normalised
        if context:
            self.query = nn.Linear(width, width)
            self.key_value = nn.Linear(context, 2 * width)
        else:
            self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        maps: list[Tensor] | None = None,
        asking: Tensor | None = None,
    ) -> Tensor:
        """Transform (b, n, width).

        Parameters
        ----------
        tokens : Tensor, shape (b, n, width)
            Queries, and without a context also keys and values.
        mask : Tensor, broadcasts against (b, heads, n, m), optional
            Bool: True where a key is attended to. Float: added to the scores.
        context : Tensor, shape (b, m, context), optional
            Keys and values.
        maps : list of Tensor, optional
            The attention weights (b, heads, n, m) are appended to it.
        asking : Tensor, shape (b, k, width), optional
            Queries in the place of `tokens`, which are keys and values only: the result is that of these.
        """
        query, key, value = self._project(tokens, context, asking)
        if self.normalised:
            query, key = root_mean_square_norm(query), root_mean_square_norm(key)
        if mask is not None and mask.dtype != torch.bool:
            mask = mask.to(query)  # of lower precision under autocast
        if maps is None:
            attended = attend(query, key, value, mask)
        else:  # the fused kernel does not return its weights
            scores = query @ key.mT / math.sqrt(query.shape[-1])
            if mask is not None:
                scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
            weights = scores.softmax(dim=-1)
            maps.append(weights)
            attended = weights @ value
        result: Tensor = self.output(rearrange(attended, "b h n d -> b n (h d)"))
        return result

    def mix(self, weights: Tensor, context: Tensor) -> Tensor:
        """What `forward` gives to a context where every head has these `weights`, (b, n, m), in place of its own."""
        _, value = rearrange(self.key_value(context), "b m (two h d) -> two b h m d", two=2, h=self.heads)
        result: Tensor = self.output(rearrange(weights[:, None] @ value, "b h n d -> b n (h d)"))
        return result

    def _project(
        self, tokens: Tensor, context: Tensor | None, asking: Tensor | None
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        if context is None and asking is not None:
            width = tokens.shape[-1]
            weight, bias = self.query_key_value.weight, self.query_key_value.bias
            query = rearrange(
                functional.linear(asking, weight[:width], bias[:width]), "b n (h d) -> b h n d", h=self.heads
            )
            key, value = rearrange(
                functional.linear(tokens, weight[width:], bias[width:]),
                "b m (two h d) -> two b h m d",
                two=2,
                h=self.heads,
            )
            return query, key, value
        if context is None:
            return rearrange(
                self.query_key_value(tokens), "b n (three h d) -> three b h n d", three=3, h=self.heads
            )
        query = rearrange(self.query(tokens), "b n (h d) -> b h n d", h=self.heads)
        key, value = rearrange(self.key_value(context), "b m (two h d) -> two b h m d", two=2, h=self.heads)
        return query, key, value


class ResidualAttention(nn.Module):
    """tokens + attention(norm(tokens)), the identity at the start of training.

    No position is added: tokens know where they are from their features, and a cyclic shift
    of the sequence shifts the output alike. Parameters are those of `Attention`.
    """

    def __init__(self, channels: int, heads: int, context: int = 0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, context)
        nn.init.zeros_(self.attention.output.weight)
        nn.init.zeros_(self.attention.output.bias)

    def forward(
        self,
        tokens: Tensor,
        known: Tensor | None = None,
        context: Tensor | None = None,
        maps: list[Tensor] | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        """Transform (b, n, c); keys where `known` (b, m) is False are not attended to.

        With `places` (b, k) only these tokens are transformed and returned, (b, k, c), as they would be among all.
        """
        mask = None if known is None else rearrange(known, "b m -> b 1 1 m")
        normed = self.norm(tokens)
        if places is None:
            return tokens + self.attention(normed, mask, context, maps)
        asking = take(normed, places)
        return take(tokens, places) + self.attention(normed, mask, context, maps, asking)


def take(tokens: Tensor, places: Tensor) -> Tensor:
    """Tokens (b, n, d) at places (b, m): (b, m, d)."""
    return tokens.gather(1, repeat(places, "b m -> b m d", d=tokens.shape[-1]))


def root_mean_square_norm(values: Tensor) -> Tensor:
    """Divided by the root of the mean square over the last axis (Zhang and Sennrich, NeurIPS 2019)."""
    return functional.rms_norm(values, values.shape[-1:])
