"""Noise that reconstructions lack: its size and spectrum where they are known, and what does not count as noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.removed_noise import RemovedNoise, fast_power

FRAMES, SLICES, SIDE = 12, 4, 24
SD = 0.04


def store_of(cines, slices=None):
    """A store of cines (n, t, z, y, x) without labels."""
    there = np.ones((len(cines), SLICES), bool) if slices is None else slices
    table = pd.DataFrame({"subject": [f"s{number}" for number in range(len(cines))]})
    return TensorStore(cines, np.zeros(cines.shape, np.uint8), there, table, (10.0, 2.0, 2.0))


def beating(count=4):
    """Cines whose brightness follows the cycle: a disc in the first two harmonics."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    disc = np.exp(-(rows**2 + columns**2) / 40)
    angle = 2 * np.pi * np.arange(FRAMES) / FRAMES
    curve = 0.5 + 0.2 * np.cos(angle) + 0.1 * np.sin(2 * angle)
    cine = curve[:, None, None, None] * disc[None, None]
    return np.broadcast_to(cine, (count, FRAMES, SLICES, SIDE, SIDE)).astype(np.float32)


def noise_like(cines, sd=SD, seed=0):
    return (sd * np.random.default_rng(seed).standard_normal(cines.shape)).astype(np.float32)


def measured(noisy, clean, slices=None):
    """`RemovedNoise` of an autoencoder that gives back each `noisy` cine as the `clean` one."""
    back = iter(torch.from_numpy(np.ascontiguousarray(clean)))
    found = RemovedNoise(SIDE, SIDE)
    found.measure(lambda cines, _: (next(back)[None], None), store_of(noisy, slices))
    return found


def drawn(found, count=8):
    return found.draw(Noise(range(count)), (FRAMES, SLICES))


def test_white_noise_has_power_of_its_variance_at_every_frequency():
    noise = torch.from_numpy(noise_like(np.zeros((200, SLICES, SIDE, SIDE))))
    power = fast_power(noise)
    assert power.shape == (SIDE, SIDE // 2 + 1)
    assert float(power.mean()) == pytest.approx(SD**2, rel=0.01)
    assert float(power.std()) < 0.1 * SD**2


def test_slow_motion_has_no_fast_power_and_a_single_frame_none_at_all():
    assert float(fast_power(torch.from_numpy(beating(1)[0])).max()) < 1e-9
    assert float(fast_power(torch.rand(1, SLICES, SIDE, SIDE)).max()) == 0


def test_noise_that_is_wholly_removed_is_drawn_again_with_its_standard_deviation():
    clean = beating()
    found = measured(clean + noise_like(clean), clean)
    assert found.sd() == pytest.approx(SD, rel=0.03)
    noise = drawn(found)
    assert noise.shape == (8, FRAMES, SLICES, SIDE, SIDE)
    assert float(noise.std()) == pytest.approx(SD, rel=0.05)
    assert abs(float(noise.mean())) < 0.01 * SD
    # White over frames: successive frames share nothing.
    shifted = (noise * noise.roll(1, dims=1)).mean() / noise.square().mean()
    assert abs(float(shifted)) < 0.02


def test_of_noise_that_is_given_back_in_part_the_power_that_lacks_is_drawn():
    clean = beating()
    noise = noise_like(clean)
    # 0.6 of the amplitude stays: 1 - 0.36 of the power is gone.
    found = measured(clean + noise, clean + np.float32(0.6) * noise)
    assert found.sd() == pytest.approx(0.8 * SD, rel=0.03)


def test_smooth_noise_is_drawn_smooth():
    clean = beating()
    smooth = noise_like(clean)
    smooth = (smooth + np.roll(smooth, 1, -1)) / np.float32(
        math.sqrt(2)
    )  # correlation of neighbours in a row: 1/2
    noise = drawn(measured(clean + smooth, clean))
    along, across = (
        float((noise * noise.roll(1, dims=axis)).mean() / noise.square().mean()) for axis in (-1, -2)
    )
    # Slightly less than 1/2: coarse noise is taken from a ring of directions (`_without_coarse`).
    assert along == pytest.approx(0.5, abs=0.05)
    assert abs(across) < 0.05


def test_blurred_edges_and_lost_motion_do_not_count_as_noise():
    clean = beating()
    assert measured(clean, np.zeros_like(clean)).sd() < 1e-4


def test_an_autoencoder_that_adds_noise_has_none_to_restore():
    clean = beating()
    found = measured(clean, clean + noise_like(clean))
    assert found.sd() == 0 and float(drawn(found).abs().max()) == 0


def test_missing_slices_are_not_measured():
    clean = beating()
    noisy = clean + noise_like(clean)
    slices = np.ones((len(clean), SLICES), bool)
    slices[:, -1] = False
    noisy[:, :, -1], back = 0, clean.copy()
    back[:, :, -1] = 0.5 * np.random.default_rng(1).random(back[:, :, -1].shape)
    assert measured(noisy, back, slices).sd() == pytest.approx(SD, rel=0.04)


def test_cines_have_levels_of_their_own():
    clean = beating(6)
    noisy = clean + noise_like(clean) * np.float32([0.5, 0.5, 0.5, 1.5, 1.5, 1.5])[:, None, None, None, None]
    found = measured(noisy, clean)
    sizes = drawn(found, 200).std(dim=(1, 2, 3, 4)) / SD
    assert float(sizes.min()) == pytest.approx(0.5, abs=0.03) and float(sizes.max()) == pytest.approx(
        1.5, abs=0.06
    )
    # Between the third and the fourth of six levels they are interpolated: a fifth of the draws.
    assert float((sizes < 0.55).float().mean()) == pytest.approx(0.4, abs=0.1)
    assert float((sizes > 1.4).float().mean()) == pytest.approx(0.42, abs=0.1)


def test_a_draw_depends_on_its_seed_alone():
    clean = beating()
    found = measured(clean + noise_like(clean), clean)
    both, one = (found.draw(Noise(seeds), (FRAMES, SLICES)) for seeds in ([3, 5], [5]))
    assert torch.equal(both[1], one[0]) and not torch.equal(both[0], both[1])


def test_odd_numbers_of_frames_rows_and_columns():
    rng = np.random.default_rng(0)
    clean = np.full((3, 11, SLICES, 25, 21), 0.5, np.float32)
    noisy = clean + (SD * rng.standard_normal(clean.shape)).astype(np.float32)
    back, found = iter(torch.from_numpy(clean)), RemovedNoise(25, 21)
    found.measure(lambda cines, _: (next(back)[None], None), store_of(noisy))
    assert found.sd() == pytest.approx(SD, rel=0.03)
    assert float(found.draw(Noise(range(4)), (11, SLICES)).std()) == pytest.approx(SD, rel=0.05)
