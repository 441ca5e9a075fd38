"""Losses that keep the codes of a vector-quantised autoencoder in use and of one length."""

from __future__ import annotations

import torch
from torch import Tensor

#: Positions of which the entropy is taken in a step: times 16,384 codes, 256 MiB in float32 for each step of the computation.
_POSITIONS = 4096


def draw_positions(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """As many of the vectors (n, c) as the entropy is taken of, drawn with replacement; all where they are few."""
    if len(vectors) <= _POSITIONS:
        return vectors
    drawn = torch.randint(len(vectors), (_POSITIONS,), generator=generator)
    return vectors[drawn.to(vectors.device, non_blocking=True)]


def code_entropies(vectors: Tensor, codes: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Entropy of the code of one vector, and of the codes of all of them together.

    Vector z has code v_k with the probability p_k(z), proportional to exp(-|z - v_k|^2 / temperature).

    Parameters
    ----------
    vectors : Tensor, shape (n, c)
        Encoded vectors.
    codes : Tensor, shape (k, c)
        Code vectors, without a gradient.
    temperature : float
        In units of squared distance.

    Returns
    -------
    each : Tensor, a number
        Mean over z of H(p(z)), in nats: 0 where every vector is much nearer to one code than to all others.
    together : Tensor, a number
        H(mean over z of p(z)): log k where all codes are used alike.

    References
    ----------
    Chang et al., MaskGIT, CVPR 2022 (public code); Yu et al., Language model beats diffusion, ICLR 2024, equation 5.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        vectors, codes = vectors.float(), codes.detach().float()
        # The length of the vector itself is the same for all codes.
        nearness = torch.addmm(-codes.square().sum(1), vectors, codes.t(), alpha=2) / temperature
        logarithms = nearness.log_softmax(1)
        shares = logarithms.exp()
        each = -(shares * logarithms).sum(1).mean()
        mean = shares.mean(0)
        # A code that is infinitely far has the share 0: 0 log 0 = 0, with a gradient.
        together = -(mean * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()).sum()
    return each, together


def length_loss(vectors: Tensor) -> Tensor:
    """Mean of (|z| - 1)^2 over encoded vectors z, (n, c): codes are moving averages of them and get their length."""
    return (torch.linalg.vector_norm(vectors.float(), dim=1) - 1).square().mean()
