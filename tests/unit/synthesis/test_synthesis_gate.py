"""The quality gate: a plain beating heart passes; each fault is found under its own name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from beating_ellipsoid import MATRIX, SPACING_MM, beating_heart
from pydantic import ValidationError

from synthaug.config.synthesis import GateSettings
from synthaug.labels import LV, MYO
from synthaug.synthesis.gate import REASONS, inspect_sample

Heart = tuple[np.ndarray, np.ndarray]


def inspect(cine: np.ndarray, labels: np.ndarray, **settings: float) -> tuple[list[str], dict[str, float]]:
    return inspect_sample(cine, labels, SPACING_MM, GateSettings(**settings))


@pytest.mark.parametrize(
    ("edv_ml", "esv_ml", "n_slices"), [(150, 60, 10), (300, 255, 10), (90, 20, 8), (60, 40, 6)]
)
def test_hearts_of_all_sizes_pass(edv_ml: float, esv_ml: float, n_slices: int) -> None:
    reasons, measured = inspect(*beating_heart(edv_ml, esv_ml, n_slices))
    assert reasons == []
    assert measured["ef_percent"] == pytest.approx(100 * (1 - esv_ml / edv_ml), abs=4)
    assert (measured["systoles"], measured["lv_slice_gaps"], measured["ed_volume"]) == (1, 0, 1)
    assert measured["largest_lv_piece"] == measured["myo_enclosure"] == 1
    assert measured["curve_roughness"] == pytest.approx(1)
    assert measured["blood_contrast"] == pytest.approx(0.7, abs=0.02)


def test_a_cine_without_masks_is_judged_by_its_image_alone() -> None:
    cine, labels = beating_heart()
    reasons, measured = inspect_sample(cine, None, SPACING_MM, GateSettings())
    _, whole = inspect(cine, labels)
    assert reasons == []
    known = {name: value for name, value in measured.items() if not np.isnan(value)}
    assert known == {name: whole[name] for name in ("intensity_span", "slice_correlation")}
    assert inspect_sample(cine * 0.2, None, SPACING_MM, GateSettings())[0] == ["flat_image"]
    assert inspect_sample(cine + 1, None, SPACING_MM, GateSettings())[0] == ["out_of_range"]
    shuffled = np.random.default_rng(0).permutation(cine.reshape(-1)).reshape(cine.shape)
    assert inspect_sample(shuffled, None, SPACING_MM, GateSettings())[0] == ["slices_unrelated"]


def not_finite(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[3, 2, 1, 0] = np.nan


def out_of_range(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[0, 0, 0, 0] = 1.2


def lv_absent(cine: np.ndarray, labels: np.ndarray) -> None:
    labels[4][labels[4] == LV] = MYO


def myo_absent(cine: np.ndarray, labels: np.ndarray) -> None:
    labels[7][labels[7] == MYO] = 0


def lv_in_pieces(cine: np.ndarray, labels: np.ndarray) -> None:
    labels[:, :, 2:8, 2:8] = LV


def lv_slice_gap(cine: np.ndarray, labels: np.ndarray) -> None:
    labels[5, 4][labels[5, 4] == LV] = MYO


def myo_open(cine: np.ndarray, labels: np.ndarray) -> None:
    labels[..., MATRIX // 2 :][labels[..., MATRIX // 2 :] == MYO] = 0


def ed_not_first(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[:], labels[:] = np.roll(cine, 4, axis=0), np.roll(labels, 4, axis=0)


def several_systoles(cine: np.ndarray, labels: np.ndarray) -> None:
    twice = [0, 2, 4, 6, 8] * 2
    cine[:], labels[:] = cine[twice], labels[twice]


def rough_volume_curve(cine: np.ndarray, labels: np.ndarray) -> None:
    jitter = [0, 2, 0, 2, 5, 3, 5, 3, 0, 0]
    cine[:], labels[:] = cine[jitter], labels[jitter]


def ef_out_of_bounds(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[:], labels[:] = cine[0], labels[0]


def lv_slices_shifted(cine: np.ndarray, labels: np.ndarray) -> None:
    for volume in (cine, labels):
        volume[:, 5:] = np.roll(volume[:, 5:], 12, axis=-1)
        volume[:, :5] = np.roll(volume[:, :5], -12, axis=-1)  # 48 mm apart


def slices_unrelated(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[:, 9] = 1 - cine[:, 8]


def flat_image(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[:] = 0.5 + 0.2 * (cine - 0.5)


def blood_not_bright(cine: np.ndarray, labels: np.ndarray) -> None:
    cine[:] = 1 - cine


FAULTS = [
    not_finite,
    out_of_range,
    lv_absent,
    myo_absent,
    lv_in_pieces,
    lv_slice_gap,
    myo_open,
    ed_not_first,
    several_systoles,
    rough_volume_curve,
    ef_out_of_bounds,
    lv_slices_shifted,
    slices_unrelated,
    flat_image,
    blood_not_bright,
]


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_each_fault_is_found_by_name(spoil: Callable[[np.ndarray, np.ndarray], None]) -> None:
    cine, labels = beating_heart()
    spoil(cine, labels)
    reasons, _ = inspect(cine, labels)
    assert spoil.__name__ in reasons


def test_every_check_is_tested() -> None:
    assert {spoil.__name__ for spoil in FAULTS} == set(REASONS)


def test_thresholds_decide() -> None:
    cine, labels = beating_heart(150, 60)
    assert inspect(cine, labels, minimum_lv_ml=65)[0] == ["lv_absent"]
    assert inspect(cine, labels, ef_range_percent=(3, 50))[0] == ["ef_out_of_bounds"]
    flat = 0.5 + 0.2 * (cine - 0.5)
    assert inspect(flat, labels, intensity_span=0.1)[0] == []


def test_a_slow_late_filling_is_one_systole() -> None:
    cine, labels = beating_heart()
    diastasis = [0, 2, 4, 5, 4, 3, 3, 3, 1, 0]
    reasons, measured = inspect(cine[diastasis], labels[diastasis])
    assert reasons == [] and measured["systoles"] == 1


def test_masks_without_a_heart_are_judged_without_failing() -> None:
    cine, labels = beating_heart()
    reasons, measured = inspect(cine, np.zeros_like(labels))
    assert reasons == ["lv_absent", "myo_absent"]
    assert np.isnan(measured["ef_percent"])


def test_a_heart_in_one_slice_has_no_neighbours_to_judge() -> None:
    cine, labels = beating_heart()
    reasons, measured = inspect(cine[:, 4:5], labels[:, 4:5], minimum_myo_ml=5)
    assert reasons == []
    assert np.isnan(measured["slice_correlation"]) and measured["slice_shift_mm"] == 0


def test_settings_refuse_an_impossible_threshold() -> None:
    with pytest.raises(ValidationError):
        GateSettings.model_validate({"ef_range_percent": (60, 40)})
    with pytest.raises(ValidationError, match="did you mean 'largest_lv_piece'"):
        GateSettings.model_validate({"largest_lv_peice": 0.5})
