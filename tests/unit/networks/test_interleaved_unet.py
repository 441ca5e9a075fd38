"""The U-Net of single images with temporal-aware and slice-aware attention between its layers."""

from __future__ import annotations

import pytest
import torch

from synthaug.networks.unet import Context, LatentUNet

FRAMES, SLICES, WIDTH = 3, 4, 6


def network(temporal, slice_aware, alpha=None):
    """With random weights; `alpha` is as at the start where not given."""
    torch.manual_seed(0)
    made = LatentUNet(
        3, 2, (8, 16), 1, 12, temporal=temporal, through_slices=slice_aware, context=WIDTH, interleaved=True
    )
    for name, parameter in made.named_parameters():
        if not name.endswith("alpha"):
            torch.nn.init.normal_(parameter, std=0.2)
        elif alpha is not None:
            torch.nn.init.constant_(parameter, alpha)
    return made


def inputs():
    """Two cycles of three frames and four slices, of which the last is missing."""
    generator = torch.Generator().manual_seed(1)
    slices = torch.ones(2 * FRAMES, 1, SLICES, 1, 1)
    slices[:, :, -1] = 0
    features = torch.randn(2 * FRAMES, 3, SLICES, 5, 7, generator=generator)
    context = Context(torch.randn(2, 4, WIDTH, generator=generator))
    return features, slices, torch.randn(2 * FRAMES, 12, generator=generator), FRAMES, context


@torch.no_grad()
def influenced(made):
    """(Frames, slices) of the first cycle that change with frame 0 and slice 1; no other cycle may."""
    features, *others = inputs()
    changed = features.clone()
    changed[0, :, 1] += 1
    difference = (made(changed, *others) - made(features, *others)).abs().amax(dim=(1, 3, 4)) > 1e-6
    assert not difference[FRAMES:].any()
    return difference[:FRAMES]


def test_without_both_attentions_frames_and_slices_do_not_influence_one_another():
    found = influenced(network(False, False))
    assert found[0, 1] and found.sum() == 1


def test_temporal_attention_reaches_frames_and_slice_attention_reaches_slices():
    over_frames = influenced(network(True, False, alpha=0.5))
    assert over_frames[:, 1].all() and over_frames.sum() == FRAMES
    over_slices = influenced(network(False, True, alpha=0.5))
    assert over_slices[0, :3].all() and not over_slices[1:].any()
    assert influenced(network(True, True, alpha=0.5))[:, :3].all()


@pytest.mark.parametrize("switches", [(True, False), (False, True), (True, True)])
@torch.no_grad()
def test_with_alpha_1_it_is_exactly_the_network_of_single_images(switches):
    base, made = network(False, False), network(*switches, alpha=1.0)
    missing, unexpected = made.load_state_dict(base.state_dict(), strict=False)
    assert not unexpected and all("over_" in name for name in missing) and missing
    assert torch.equal(made(*inputs()), base(*inputs()))


@pytest.mark.parametrize("switches", [(True, False), (False, True), (True, True)])
@torch.no_grad()
def test_at_the_start_it_is_exactly_the_network_of_single_images(switches):
    made = LatentUNet(
        3, 2, (8,), 1, 12, temporal=switches[0], through_slices=switches[1], context=WIDTH, interleaved=True
    )
    base = LatentUNet(
        3, 2, (8,), 1, 12, temporal=False, through_slices=False, context=WIDTH, interleaved=True
    )
    for network_ in (base, made):
        torch.nn.init.normal_(network_.output.weight, generator=torch.Generator().manual_seed(0))
    made.load_state_dict(base.state_dict(), strict=False)
    assert torch.equal(made(*inputs()), base(*inputs()))


def test_the_layers_move_at_once_and_alpha_follows():
    made = LatentUNet(3, 2, (8,), 1, 12, temporal=True, through_slices=True, context=WIDTH, interleaved=True)
    torch.nn.init.normal_(made.output.weight)
    optimiser = torch.optim.SGD(made.parameters(), lr=0.1)
    stage = made.middle
    for step in range(2):
        optimiser.zero_grad()
        made(*inputs()).square().mean().backward()
        for mixed in (stage.over_frames, stage.over_slices):
            assert mixed.layer.attention.attention.output.weight.grad.abs().max() > 0
            assert (mixed.alpha.grad != 0) == (step == 1)
        optimiser.step()


@torch.no_grad()
def test_a_missing_slice_says_nothing_to_those_that_exist():
    made, (features, slices, *others) = network(True, True, alpha=0.3), inputs()
    changed = features.clone()
    changed[:, :, -1] = 5
    before, after = made(features, slices, *others), made(changed, slices, *others)
    assert torch.isfinite(after).all()
    torch.testing.assert_close(after[:, :, :-1], before[:, :, :-1])


@torch.no_grad()
def test_frames_are_a_cycle_without_a_first():
    made, (features, slices, embedding, frames, context) = network(True, True, alpha=0.3), inputs()
    turned = [
        part.view(2, FRAMES, *part.shape[1:]).roll(1, 1).flatten(0, 1) for part in (features, embedding)
    ]
    there = made(turned[0], slices, turned[1], frames, context)
    here = made(features, slices, embedding, frames, context)
    torch.testing.assert_close(there.view(2, FRAMES, *here.shape[1:]).roll(-1, 1).flatten(0, 1), here)


@torch.no_grad()
def test_channels_that_are_no_multiple_of_a_head_have_fewer_heads():
    made = LatentUNet(
        3, 2, (48, 112), 1, 12, temporal=True, through_slices=True, context=WIDTH, interleaved=True
    )
    assert made(*inputs()).shape == (2 * FRAMES, 2, SLICES, 5, 7)
