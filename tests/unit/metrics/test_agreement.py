"""Agreement of measured and reference values, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthaug.metrics import bland_altman, ejection_fraction, pearson_correlation


def test_ejection_fraction_in_percent() -> None:
    assert ejection_fraction(150, 60) == 60
    assert math.isnan(ejection_fraction(0, 0))


def test_bland_altman_by_hand() -> None:
    agreement = bland_altman(np.array([11.0, 13, 12]), np.array([10.0, 10, 10]))  # differences 1, 3, 2
    assert agreement.bias == 2
    assert (agreement.lower, agreement.upper) == pytest.approx((2 - 1.96, 2 + 1.96))


def test_pearson() -> None:
    x = np.array([1.0, 2, 3, 5])
    assert pearson_correlation(2 * x + 1, x) == pytest.approx(1)
    assert pearson_correlation(-x, x) == pytest.approx(-1)
    assert math.isnan(pearson_correlation(np.ones(4), x))
    # Less its mean, 120.7 twenty times is not 0 but a rounding error.
    assert math.isnan(pearson_correlation(np.arange(20.0), np.full(20, 120.7)))
    assert math.isnan(pearson_correlation(np.full(3, 101.3), np.full(3, 100.1)))
    y = np.array([2.0, 1, 4, 3])
    assert pearson_correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_refuses_values_that_do_not_pair() -> None:
    with pytest.raises(ValueError, match="two pairs"):
        bland_altman(np.ones(3), np.ones(2))
