"""Volumes, ejection fraction and mass on label maps one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.labels import FUNCTION_COLUMNS, LV, MYO, RV, UNLABELLED
from synthaug.metrics.volumes import cut_structures, ejection_fraction, measure_function, volume_curve_ml

SPACING_MM = (10.0, 2.0, 2.0)  # one voxel is 0.04 mL


def label_cine() -> np.ndarray:
    labels = np.zeros((3, 2, 20, 20), np.uint8)
    labels[0, :, :5, :10] = LV  # 100 voxels, 4 mL
    labels[2, :, :5, :4] = LV  # 40 voxels, 1.6 mL
    labels[[0, 2], :, 10:15, :5] = MYO  # 50 voxels, 2 mL, 2.1 g
    labels[0, :, 15:, :10] = RV  # 4 mL
    labels[2, :, 15:, :5] = RV  # 2 mL
    labels[1] = UNLABELLED
    return labels


def test_function_counted_by_hand() -> None:
    expected = {
        "lv_edv_ml": 4.0,
        "lv_esv_ml": 1.6,
        "lv_ef": 60.0,
        "myo_mass_g": 2.1,
        "rv_edv_ml": 4.0,
        "rv_esv_ml": 2.0,
        "rv_ef": 50.0,
    }
    measured = measure_function(label_cine(), SPACING_MM, 0, 2)
    assert tuple(measured) == FUNCTION_COLUMNS
    assert measured == pytest.approx(expected)
    by_frame = {0: label_cine()[0], 2: label_cine()[2]}
    assert measure_function(by_frame, SPACING_MM, 0, 2) == pytest.approx(expected)


@pytest.mark.parametrize("es_frame", [None, 1])
def test_an_unknown_or_unlabelled_frame_is_unknown_not_zero(es_frame: int | None) -> None:
    measured = measure_function(label_cine(), SPACING_MM, 0, es_frame)
    assert measured["lv_edv_ml"] == pytest.approx(4.0)
    assert np.isnan([measured["lv_esv_ml"], measured["lv_ef"], measured["rv_ef"]]).all()


def test_a_structure_nobody_drew_is_unknown() -> None:
    labels = label_cine()
    labels[labels == RV] = 0
    measured = measure_function(labels, SPACING_MM, 0, 2)
    assert np.isnan([measured["rv_edv_ml"], measured["rv_esv_ml"], measured["rv_ef"]]).all()
    assert measured["lv_ef"] == pytest.approx(60.0)


def test_a_closed_cavity_at_es_has_volume_zero() -> None:
    labels = label_cine()
    labels[2][labels[2] == LV] = MYO
    measured = measure_function(labels, SPACING_MM, 0, 2)
    assert (measured["lv_esv_ml"], measured["lv_ef"]) == (0.0, 100.0)


def test_volume_curve_marks_unlabelled_frames() -> None:
    np.testing.assert_allclose(volume_curve_ml(label_cine(), "LV", SPACING_MM), [4.0, np.nan, 1.6])


def test_ejection_fraction_without_a_volume_is_unknown() -> None:
    assert np.isnan(ejection_fraction(0.0, 0.0))
    assert ejection_fraction(100.0, 40.0) == 60.0


def test_structures_at_the_border_in_the_plane_are_cut() -> None:
    labels = np.zeros((3, 6, 6), np.uint8)
    labels[0, 2, 2], labels[:, 1, 4], labels[1, 4, 5] = LV, MYO, RV
    assert cut_structures(labels) == ("RV",)
    assert cut_structures(labels[:, 1:]) == ("MYO", "RV")  # the first and last slice are no border
    assert cut_structures(labels[:, :, :5]) == ("MYO",)
    assert cut_structures(np.full((2, 4, 4), UNLABELLED)) == ()
