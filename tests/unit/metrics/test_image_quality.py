"""Quality without a reference: known noise has its known ratio, a blurred edge its known width."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import norm

from synthaug.metrics.image_quality import edge_width_mm, signal_to_noise
from synthaug.phantom.scanner import SCANNERS, acquire, k_space_window

EVERYWHERE = np.ones((48, 48), bool)


@pytest.mark.parametrize("sd", [0.5, 2.0, 8.0])
def test_signal_100_over_white_noise(sd):
    cine = 100 + sd * np.random.default_rng(0).standard_normal((10, 4, 48, 48))
    # Of ten frames the mean varies by sd / sqrt(10) from pixel to pixel: its 80th percentile is 0.84 of that above 100.
    expected = (100 + norm.ppf(0.8) * sd / 10**0.5) / sd
    assert signal_to_noise(cine, EVERYWHERE) == pytest.approx(expected, rel=0.02)


def test_neither_unit_nor_what_lies_outside_nor_the_first_frame_counts():
    cine = 100 + np.random.default_rng(1).standard_normal((8, 2, 48, 48))
    region = np.zeros((48, 48), bool)
    region[10:40, 10:40] = True
    expected = signal_to_noise(cine, region)
    changed = np.where(region, 7 * cine, 1e6)
    assert signal_to_noise(changed, region) == pytest.approx(expected, rel=1e-5)
    assert signal_to_noise(np.roll(cine, 3, axis=0), region) == pytest.approx(expected, rel=1e-6)


def test_a_beat_is_no_noise():
    frames = np.arange(25)[:, None, None, None]
    moving = 100 + 30 * np.cos(2 * np.pi * frames / 25) * np.ones((25, 4, 48, 48))
    cine = moving + np.random.default_rng(2).standard_normal(moving.shape)
    assert signal_to_noise(cine, EVERYWHERE) == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize("cine", [np.ones((5, 2, 48, 48)), np.ones((8, 2, 48, 48)), np.zeros((8, 2, 48, 48))])
def test_few_frames_no_noise_and_no_signal_are_not_measured(cine):
    assert np.isnan(signal_to_noise(cine, EVERYWHERE))


@pytest.mark.parametrize("vendor", SCANNERS)
def test_the_phantoms_scanners_have_the_noise_that_they_declare(vendor):
    scanner = SCANNERS[vendor]
    still = np.ones((8, 2, scanner.matrix, scanner.matrix), np.complex64)
    image = acquire(still, np.ones(still.shape[1:]), scanner, 1.0, np.random.default_rng(3))
    # What is left of white noise is the share of k-space that is sampled and not filtered.
    kept = [np.mean(k_space_window(scanner.matrix, part, scanner.taper) ** 2) for part in scanner.sampled]
    sd = scanner.noise * np.sqrt(np.prod(kept))
    expected = (1 + norm.ppf(0.8) * sd / 8**0.5) / sd
    assert signal_to_noise(image, np.ones(image.shape[2:], bool)) == pytest.approx(expected, rel=0.03)


def blurred_step(sd_mm, pixel_mm=1.0, size=48):
    """A step across x whose rise is a normal distribution."""
    x = (np.arange(size) - size / 2) * pixel_mm  # a pixel lies on the edge
    return np.broadcast_to(100 * norm.cdf(x / sd_mm), (3, size, size))


@pytest.mark.parametrize("sd_mm", [1.0, 1.5, 2.0])
def test_the_width_of_a_blurred_step(sd_mm):
    # The gradient over two pixels is (2 cdf(1 / sd) - 1) / 2 of the step.
    expected = 2 / (2 * norm.cdf(1 / sd_mm) - 1)
    found = edge_width_mm(blurred_step(sd_mm), EVERYWHERE, (1.0, 1.0))
    # Within 6 mm the widest of these does not quite reach its plateaus.
    assert found == pytest.approx(expected, rel=0.05)
    assert found == pytest.approx((2 * np.pi) ** 0.5 * sd_mm, rel=0.2)


def test_a_blurred_image_has_wider_edges_and_a_scaled_one_the_same():
    rng = np.random.default_rng(4)
    sharp = np.kron(rng.uniform(0, 1, (2, 6, 6)), np.ones((1, 8, 8)))
    widths = [
        edge_width_mm(
            gaussian_filter1d(gaussian_filter1d(sharp, sd, axis=1), sd, axis=2), EVERYWHERE, (1.0, 1.0)
        )
        for sd in (0.6, 1.2, 1.8)
    ]
    assert widths == sorted(widths) and widths[2] > 1.5 * widths[0]
    assert edge_width_mm(5 * sharp, EVERYWHERE, (1.0, 1.0)) == pytest.approx(
        edge_width_mm(sharp, EVERYWHERE, (1.0, 1.0))
    )


def test_the_width_is_in_mm():
    fine = edge_width_mm(blurred_step(1.5, 0.5, 96), np.ones((96, 96), bool), (0.5, 0.5))
    coarse = edge_width_mm(blurred_step(1.5), EVERYWHERE, (1.0, 1.0))
    assert fine == pytest.approx(coarse, rel=0.15)


@pytest.mark.parametrize("frame", [np.ones((2, 48, 48)), np.ones((2, 4, 4))])
def test_no_edge_is_not_measured(frame):
    assert np.isnan(edge_width_mm(frame, np.ones(frame.shape[1:], bool), (1.0, 1.0)))
