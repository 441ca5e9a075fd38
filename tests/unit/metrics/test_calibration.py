"""Expected calibration error against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import expected_calibration_error


def volume(*confidences: float) -> np.ndarray:
    """Two classes, the second of the given probabilities, shape (2, 1, 1, n)."""
    second = np.array(confidences)[None, None]
    return np.stack([1 - second, second])


def test_by_hand() -> None:
    """Two voxels at 0.9, one of them right; two at 0.6, both right: (2 |0.5 - 0.9| + 2 |1 - 0.6|) / 4."""
    probabilities = volume(0.9, 0.9, 0.6, 0.6)
    reference = np.array([[[1, 0, 1, 1]]])
    everywhere = np.ones(reference.shape, bool)
    assert expected_calibration_error(probabilities, reference, everywhere) == pytest.approx(0.4)
    first = np.array([[[True, True, False, False]]])
    assert expected_calibration_error(probabilities, reference, first) == pytest.approx(0.4)
    # In one bin errors of opposite sign cancel: 3 of 4 right at a mean of 0.75.
    assert expected_calibration_error(probabilities, reference, everywhere, bins=1) == pytest.approx(0)


def test_certainty_is_calibrated_if_right_and_wrong_by_1_if_not() -> None:
    reference = np.array([[[1, 1, 0]]])
    region = np.ones(reference.shape, bool)
    assert expected_calibration_error(volume(1, 1, 0), reference, region) == 0
    assert expected_calibration_error(volume(0, 0, 1), reference, region) == 1


def test_a_confidence_on_an_edge_lies_below_it() -> None:
    """With two bins 0.5 lies in the first and 0.6 in the second: they do not cancel."""
    probabilities, reference = volume(0.5, 0.6), np.array([[[0, 0]]])
    error = expected_calibration_error(probabilities, reference, np.ones((1, 1, 2), bool), bins=2)
    assert error == pytest.approx((0.5 + 0.6) / 2)


def test_an_empty_region_has_no_value_and_other_grids_are_refused() -> None:
    reference = np.array([[[0, 1]]])
    assert np.isnan(expected_calibration_error(volume(0.5, 0.5), reference, np.zeros((1, 1, 2), bool)))
    with pytest.raises(ValueError, match="must lie on one grid"):
        expected_calibration_error(volume(0.5), reference, np.ones((1, 1, 2), bool))
    with pytest.raises(ValueError, match="0 bins"):
        expected_calibration_error(volume(0.5, 0.5), reference, np.ones((1, 1, 2), bool), bins=0)
