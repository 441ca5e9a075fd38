"""The backward pass without autograd's engine gives what the engine gives, and finds what is misplaced."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthaug.rehearsal.backward import backward, gradients
from synthaug.rehearsal.fake_cuda import FakeCuda


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv1d(4, 3, 1))


def loss_of(layers: nn.Module) -> Tensor:
    """Branches, results that only part of the loss uses, writing in place, broadcasting and two types."""
    made = layers(torch.arange(48.0).view(2, 3, 8).sin())
    tokens = made.softmax(dim=1)
    attended = functional.scaled_dot_product_attention(tokens, tokens, made)
    parts = torch.cat([attended[:, :1], made.chunk(3, dim=1)[2]], dim=1) * made.mean(dim=(1, 2), keepdim=True)
    written = parts.clone()
    written[:, 0] = 3.0
    return (written**2).mean() + made[:, 0].double().std().float()


def penalty(layers: nn.Module, gradients_of) -> Tensor:
    """A loss of gradients: their squares."""
    made = layers(torch.ones(2, 3, 8))
    weights = made.softmax(dim=1)
    (slope,) = gradients_of((weights**3).sum(), [weights], create_graph=True)
    return (slope**2).sum() + made.mean()


def taken(layers: nn.Module) -> list[Tensor]:
    found = [parameter.grad.clone() for parameter in layers.parameters()]
    layers.zero_grad()
    return found


def test_gradients_are_those_of_the_engine():
    layers = network()
    loss_of(layers).backward()
    expected = taken(layers)
    backward(loss_of(layers))
    torch.testing.assert_close(taken(layers), expected)
    backward(loss_of(layers))
    backward(loss_of(layers))
    torch.testing.assert_close(taken(layers), [2 * part for part in expected])


def test_gradients_inside_a_loss_are_differentiated_through():
    layers = network()
    penalty(layers, torch.autograd.grad).backward()
    expected = taken(layers)
    backward(penalty(layers, gradients))
    torch.testing.assert_close(taken(layers), expected)


class Misplaced(torch.autograd.Function):
    @staticmethod
    def forward(context, tensor):
        return tensor * 2

    @staticmethod
    def backward(context, gradient):
        return gradient.cpu()


def test_a_gradient_on_another_device_is_refused():
    with FakeCuda():
        parameter = nn.Parameter(torch.ones(3, device="cuda"))
        with pytest.raises(RuntimeError, match="a gradient on cpu of something on cuda"):
            backward(Misplaced.apply(parameter).sum())
