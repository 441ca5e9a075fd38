"""Ports of the latent U-Net: context tokens, slice attention, residuals from outside, attention maps."""

from __future__ import annotations

import pytest
import torch

from synthaug.networks.unet import Context, LatentUNet

WIDTH = 6


def network(**ports):
    torch.manual_seed(0)
    made = LatentUNet(3, 2, (8, 16), 1, 12, temporal=True, **ports)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def inputs():
    """Two cycles of three frames; the second slice is missing."""
    slices = torch.ones(6, 1, 2, 1, 1)
    slices[:, :, 1] = 0
    return torch.randn(6, 3, 2, 5, 7), slices, torch.randn(6, 12), 3


@pytest.mark.parametrize(
    ("arguments", "settings", "expected"),
    [
        (
            (3, 2, (8, 16), 1, 12),
            {"temporal": True},
            [-0.16616885, -0.14573246, -0.02416508, -0.14490539],
        ),
        (
            (3, 2, (8, 16, 40), 2, 12),
            {"temporal": False},
            [-0.47583669, -0.58407640, -0.48499852, -0.46166861],
        ),
        (
            (3, 2, (8, 64), 1, 12),
            {"temporal": False, "cyclic": True},
            [-0.05180134, -0.00490803, -0.11143462, -0.02185819],
        ),
        (
            (3, 2, (8, 16), 1, 0),
            {"temporal": False},
            [-0.16197599, -0.18802841, -0.14289874, -0.07714917],
        ),
    ],
)
def test_without_ports_the_network_is_what_it_was_before_it_had_them(arguments, settings, expected):
    """Numbers of the network before the ports: same parameters, same order of initialisation, same arithmetic."""
    torch.manual_seed(0)
    made = LatentUNet(*arguments, **settings)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    features, slices, _, frames = (torch.randn(6, 3, 2, 5, 7), torch.ones(6, 1, 2, 1, 1), None, 3)
    slices[:, :, 1] = 0
    found = made(features, slices, torch.randn(6, arguments[-1]), frames=frames)
    torch.testing.assert_close(found.flatten()[:4], torch.tensor(expected), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_context_tokens_reach_every_frame_of_their_cycle_and_no_other():
    made, (features, slices, embedding, frames) = network(context=WIDTH), inputs()
    tokens = torch.randn(2, 4, WIDTH)
    before = made(features, slices, embedding, frames, Context(tokens))
    changed = tokens.clone()
    changed[0, 1] += 1
    after = made(features, slices, embedding, frames, Context(changed))
    assert all(not torch.allclose(before[frame], after[frame]) for frame in range(3))
    torch.testing.assert_close(before[3:], after[3:])


@torch.no_grad()
def test_tokens_that_do_not_exist_are_not_attended_to():
    made, arguments = network(context=WIDTH), inputs()
    tokens, known = torch.randn(2, 4, WIDTH), torch.tensor([[True, True, False, False]] * 2)
    before = made(*arguments, Context(tokens, known))
    tokens[:, 2:] = torch.randn(2, 2, WIDTH)
    torch.testing.assert_close(made(*arguments, Context(tokens, known)), before)
    torch.testing.assert_close(made(*arguments, Context(tokens[:, :2])), before)


def test_attention_maps_are_weights_over_the_tokens_and_keep_their_gradient():
    made, arguments = network(context=WIDTH), inputs()
    tokens, known = torch.randn(2, 4, WIDTH), torch.tensor([[True, True, True, False]] * 2)
    maps = []
    with_maps = made(*arguments, Context(tokens, known, maps))
    torch.testing.assert_close(with_maps, made(*arguments, Context(tokens, known)), atol=1e-5, rtol=1e-4)
    assert len(maps) == 5  # two levels down, the middle, two levels up
    assert [found.size for found in maps] == [(2, 5, 7), (2, 3, 4), (2, 3, 4), (2, 3, 4), (2, 5, 7)]
    for weights, (z, y, x) in maps:
        assert weights.shape == (6, 1, z * y * x, 4) and not weights[..., 3].any()
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones_like(weights[..., 0]))
    gradients = torch.autograd.grad(with_maps.sum(), [found.weights for found in maps])
    assert all(gradient[..., :3].any() for gradient in gradients)


def test_a_new_context_layer_is_the_identity():
    torch.manual_seed(0)
    made, arguments = LatentUNet(3, 2, (8, 16), 1, 12, temporal=True, context=WIDTH), inputs()
    torch.nn.init.normal_(made.output.weight)
    assert torch.equal(made(*arguments, Context(torch.randn(2, 4, WIDTH))), made(*arguments))


@torch.no_grad()
def test_slice_attention_looks_at_existing_slices_only():
    made = network(through_slices=True)
    features, embedding = torch.randn(2, 3, 6, 4, 4), torch.randn(2, 12)
    slices = torch.tensor([1.0, 1, 1, 1, 1, 0])[None, None, :, None, None].expand(2, 1, -1, 1, 1)
    before = made(features, slices, embedding, 2)
    other = features.clone()
    other[:, :, 5] += 1
    torch.testing.assert_close(
        made(other, slices, embedding, 2)[:, :, :5], before[:, :, :5], atol=1e-5, rtol=1e-4
    )
    assert len(list(made.parameters())) > len(list(network().parameters()))


@torch.no_grad()
def test_residuals_are_added_to_what_the_encoder_gives():
    made, (features, slices, embedding, frames) = network(), inputs()
    plain = made(features, slices, embedding, frames)
    encoded = made.encode(features, slices, embedding, frames)
    assert [part.shape[1] for part in encoded] == list(made.skips) == [8, 16, 16]
    zeros = [torch.zeros_like(part) for part in encoded]
    assert torch.equal(made(features, slices, embedding, frames, residuals=zeros), plain)
    for place in range(3):
        moved = [zero + (number == place) for number, zero in enumerate(zeros)]
        assert not torch.allclose(made(features, slices, embedding, frames, residuals=moved), plain)
    with pytest.raises(ValueError, match="zip"):
        made(features, slices, embedding, frames, residuals=[zeros[0], zeros[2]])
