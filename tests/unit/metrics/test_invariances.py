"""What must not change a metric does not, and what scales it does: every metric of docs/metrics.md."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features import FeatureSet
from synthaug.measures.distances import measure_distances
from synthaug.measures.measurement import Measurement
from synthaug.metrics import (
    average_surface_distance,
    dice,
    frechet_distance,
    gaussian_kernel_distance,
    hausdorff_distance,
    kernel_distance,
    manifold_scores,
    normalised_surface_dice,
)
from synthaug.metrics.similarity import (
    normalised_cross_correlation,
    normalised_mutual_information,
    structural_similarity,
)
from synthaug.metrics.volumes import ejection_fraction, structure_volume_ml

SEEDS = st.integers(0, 10**6)
OF_FEATURES = {
    "frechet": frechet_distance,
    "kernel": kernel_distance,
    "gaussian": gaussian_kernel_distance,
    **{
        name: lambda real, made, name=name: getattr(manifold_scores(real, made, k=3), name)
        for name in ("precision", "recall", "density", "coverage")
    },
}
SYMMETRIC = ("frechet", "kernel", "gaussian")
OF_MASKS = {
    "dice": lambda a, b, spacing: dice(a, b),
    "hd": hausdorff_distance,
    "hd95": lambda a, b, spacing: hausdorff_distance(a, b, spacing, 95),
    "assd": average_surface_distance,
    "nsd": lambda a, b, spacing: normalised_surface_dice(a, b, spacing, max(spacing)),
}


def features(seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(14, 6)), 1.3 * rng.normal(size=(11, 6)) + 0.4, rng


@pytest.mark.parametrize("name", OF_FEATURES)
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_rows_may_stand_in_any_order_and_axes_may_be_turned(name, seed):
    real, made, rng = features(seed)
    measure, value = OF_FEATURES[name], OF_FEATURES[name](real, made)
    assert measure(rng.permutation(real), rng.permutation(made)) == pytest.approx(value, abs=1e-9)
    turn = ortho_group.rvs(6, random_state=seed)
    assert measure(real @ turn, made @ turn) == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("name", OF_FEATURES)
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_symmetry_scale_and_identical_sets(name, seed):
    real, made, _ = features(seed)
    measure, value = OF_FEATURES[name], OF_FEATURES[name](real, made)
    if name in SYMMETRIC:
        assert measure(made, real) == pytest.approx(value, abs=1e-9)
    if name == "frechet":
        assert measure(real, real) == pytest.approx(0, abs=1e-9)
        assert measure(3 * real, 3 * made) == pytest.approx(9 * value, rel=1e-9)
        assert measure(real + 5, made + 5) == pytest.approx(value, rel=1e-7)
    elif name == "gaussian":
        assert measure(real, real) == 0
        assert gaussian_kernel_distance(3 * real, 3 * made, 30) == pytest.approx(value, rel=1e-9)
    elif name == "kernel":
        # Unbiased: a set is nearer to itself than chance has it.
        assert measure(real, real) <= 0
    else:
        assert measure(7 * real, 7 * made) == pytest.approx(value)
        if name != "density":
            assert measure(real, real) == 1


def masks(seed: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    rng = np.random.default_rng(seed)
    shape = (7, 12, 11)
    z, y, x = np.ogrid[tuple(slice(n) for n in shape)]
    first, second = (
        (z - c[0]) ** 2 / 4 + (y - c[1]) ** 2 / 9 + (x - c[2]) ** 2 / 9 < rng.uniform(0.8, 1.8)
        for c in rng.uniform(3, 6, (2, 3))
    )
    return first & (rng.random(shape) < 0.95), second, tuple(rng.uniform(0.5, 8, 3))


@pytest.mark.parametrize("name", OF_MASKS)
@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_masks_may_be_turned_mirrored_and_swapped(name, seed):
    first, second, spacing = masks(seed)
    measure, value = OF_MASKS[name], OF_MASKS[name](first, second, spacing)
    assert measure(second, first, spacing) == pytest.approx(value)
    for order in itertools.permutations(range(3)):
        turned = (mask.transpose(order) for mask in (first, second))
        assert measure(*turned, tuple(spacing[axis] for axis in order)) == pytest.approx(value)
    assert measure(first[::-1, :, ::-1], second[::-1, :, ::-1], spacing) == pytest.approx(value)


@pytest.mark.parametrize("name", OF_MASKS)
@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_masks_scale_with_their_voxels_and_equal_themselves(name, seed):
    first, second, spacing = masks(seed)
    measure, value = OF_MASKS[name], OF_MASKS[name](first, second, spacing)
    larger = measure(first, second, tuple(3 * step for step in spacing))
    without_unit = name in ("dice", "nsd")
    assert larger == pytest.approx(value if without_unit else 3 * value)
    assert measure(first, first, spacing) == (1 if without_unit else 0)
    # More empty image around both changes nothing but the diagonal, which only a missing mask meets.
    padded = (np.pad(mask, 3) for mask in (first, second))
    within = not any(mask[side].any() for mask in (first, second) for side in _SIDES)
    if within or name == "dice":
        assert measure(*padded, spacing) == pytest.approx(value)


_SIDES = [(0,), (-1,), (slice(None), 0), (slice(None), -1), (..., 0), (..., -1)]


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, factor=st.floats(0.2, 5))
def test_volumes_scale_and_ejection_fractions_do_not(seed, factor):
    labels = np.random.default_rng(seed).integers(0, 4, (4, 6, 5)).astype(np.uint8)
    for structure in ("LV", "MYO", "RV"):
        volume = structure_volume_ml(labels, structure, (8, 1, 2))
        assert structure_volume_ml(labels[::-1], structure, (8 * factor, 1, 2)) == pytest.approx(
            factor * volume
        )
    assert ejection_fraction(120 * factor, 50 * factor) == pytest.approx(ejection_fraction(120, 50))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_similarity_of_images_is_symmetric_and_does_not_mind_brightness_it_should_not(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 3, 16, 16))

    def ssim(a: np.ndarray, b: np.ndarray) -> float:
        return structural_similarity(a, b, data_range=1)

    for measure in (ssim, normalised_mutual_information, normalised_cross_correlation):
        assert measure(first, second) == pytest.approx(measure(second, first))
        assert measure(first, first) == pytest.approx(2 if measure is normalised_mutual_information else 1)
    assert normalised_cross_correlation(2 * first + 3, second) == pytest.approx(
        normalised_cross_correlation(first, second)
    )


def test_tables_of_distances_do_not_depend_on_the_order_of_rows_of_a_subject():
    rng = np.random.default_rng(0)

    def made(shuffled: bool) -> FeatureSet:
        own = np.random.default_rng(1)
        found: dict[str, list[np.ndarray]] = {}
        for kind in ("frames", "temporal", "spatial"):
            arrays = [own.normal(size=(5, 4)) for _ in range(8)]
            found[kind] = [rng.permutation(rows) if shuffled else rows for rows in arrays]
        return FeatureSet(tuple("abcdefgh"), found, "one")

    measurement = Measurement(settings=EvaluationSettings(splits=5))
    plain, shuffled = (
        measure_distances(made(flag), made(flag), {"all": "abcdefgh"}, measurement) for flag in (False, True)
    )
    assert plain["metric"].tolist() == shuffled["metric"].tolist()
    numbers = ["value", "ci_low", "ci_high", "floor"]
    np.testing.assert_allclose(
        plain[numbers].astype(float), shuffled[numbers].astype(float), atol=1e-9, equal_nan=True
    )
