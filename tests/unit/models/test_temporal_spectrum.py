"""The spectrum of latents over the cycle: sizes by hand, a filter that can be undone, unit variance."""

from __future__ import annotations

import math

import pytest
import torch

from synthaug.models.temporal_spectrum import filtered, flattening_gains, harmonic_sizes

FRAMES = 8


def made_of(sizes):
    """Cycles (200, 8, 1, 1, 6, 6) whose harmonics have these root mean squares, with random phases."""
    noise = torch.randn(200, FRAMES, 1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return filtered(noise, torch.tensor(sizes).view(-1, 1, 1, 1, 1))


def test_a_constant_has_all_its_size_in_harmonic_0():
    sizes = harmonic_sizes(torch.full((2, FRAMES, 1, 1, 3, 3), 2.0), torch.ones(2, 1, 1, 1, 1))
    assert sizes.flatten().tolist() == pytest.approx([2 * math.sqrt(FRAMES), 0, 0, 0, 0], abs=1e-5)


def test_a_cosine_has_its_size_in_its_harmonic_and_missing_slices_do_not_count():
    angle = 2 * math.pi * torch.arange(FRAMES) / FRAMES
    cycles = torch.cos(2 * angle).view(1, -1, 1, 1, 1, 1).repeat(1, 1, 2, 3, 2, 2)
    cycles[:, :, :, 2] = 100
    slices = torch.tensor([1.0, 1.0, 0.0]).view(1, 1, 3, 1, 1)
    sizes = harmonic_sizes(cycles, slices)
    assert sizes.shape == (5, 2, 1, 1, 1)
    assert sizes[:, 0].flatten().tolist() == pytest.approx([0, 0, math.sqrt(FRAMES) / 2, 0, 0], abs=1e-5)


@pytest.mark.parametrize("frames", [7, 8])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_a_flattened_spectrum_has_unit_variance_and_the_form_of_its_power(power, frames):
    wanted = torch.tensor([2.0, 1.0, 0.5, 0.25, 0.125])[: frames // 2 + 1]
    sizes = wanted.view(-1, 1, 1, 1, 1)
    gains = flattening_gains(sizes, frames, power)
    left = (gains * sizes).flatten()
    assert torch.allclose(left / left[0], (wanted / wanted[0]) ** (1 - power))
    noise = torch.randn(400, frames, 1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert float(filtered(filtered(noise, sizes), gains).std()) == pytest.approx(1, abs=0.02)


def test_the_filter_is_undone_by_the_inverse_gains_and_commutes_with_a_shift():
    cycles = made_of([2.0, 1.0, 0.5, 0.25, 0.125])
    slices = torch.ones(len(cycles), 1, 1, 1, 1)
    gains = flattening_gains(harmonic_sizes(cycles, slices), FRAMES, 0.5)
    flat = filtered(cycles, gains)
    torch.testing.assert_close(filtered(flat, 1 / gains), cycles, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(filtered(cycles.roll(3, dims=1), gains), flat.roll(3, dims=1))


def test_a_harmonic_that_is_absent_gives_no_infinite_gain():
    gains = flattening_gains(torch.tensor([2.0, 1.0, 0.0]).view(-1, 1, 1, 1, 1), 4, 1.0)
    assert torch.isfinite(gains).all() and torch.isfinite(1 / gains).all()
    assert torch.isfinite(flattening_gains(torch.zeros(3, 1, 1, 1, 1), 4, 0.5)).all()
