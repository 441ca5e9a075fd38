"""Perceptron that denoises single tokens, given what a transformer says of each."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import zero_linear
from synthaug.networks.embeddings import TimeEmbedding


class TokenDenoiser(nn.Module):
    """Residual perceptron with adaptive normalisation by diffusion time and context; its output is 0 at first.

    Parameters
    ----------
    features : int
        Values of a token.
    context : int
        Features of the context of a token.
    width, depth : int
        Features and blocks of the perceptron.

    References
    ----------
    Li et al., Autoregressive image generation without vector quantization, NeurIPS 2024; adaptive normalisation that
    starts as the identity: Peebles and Xie, ICCV 2023.
    """

    def __init__(self, features: int, context: int, width: int, depth: int) -> None:
        super().__init__()
        self.input = nn.Linear(features, width)
        self.time = TimeEmbedding(width)
        self.context = nn.Linear(context, width)
        self.blocks = nn.ModuleList(AdaptiveBlock(width) for _ in range(depth))
        self.modulation = zero_linear(width, 2 * width)
        self.output = zero_linear(width, features)

    def forward(self, noisy: Tensor, times: Tensor, context: Tensor) -> Tensor:
        """Predict from noisy tokens (..., features) with context (..., context), at times that broadcast to (...)."""
        condition = functional.silu(self.time(times) + self.context(context))
        hidden = self.input(noisy)
        for block in self.blocks:
            hidden = block(hidden, condition)
        result: Tensor = self.output(modulated(hidden, *self.modulation(condition).chunk(2, dim=-1)))
        return result


class AdaptiveBlock(nn.Module):
    """x + gate MLP(norm(x) (1 + scale) + shift); shift, scale and gate are linear in the condition."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.modulation = zero_linear(width, 3 * width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        """Transform (..., width)."""
        shift, scale, gate = self.modulation(condition).chunk(3, dim=-1)
        return hidden + gate * self.layers(modulated(hidden, shift, scale))


def modulated(hidden: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) (1 + scale) + shift."""
    return functional.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift
