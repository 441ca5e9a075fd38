"""Dice: counts, empties, and MONAI where it agrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from synthaug.metrics import dice


def test_one_missed_basal_slice() -> None:
    reference = np.zeros((10, 12, 12), bool)
    reference[1:9, 4:8, 4:8] = True
    prediction = reference.copy()
    prediction[1] = False
    assert dice(prediction, reference) == pytest.approx(14 / 15)


def test_shifted_cubes() -> None:
    a, b = np.zeros((101, 4, 4), bool), np.zeros((101, 4, 4), bool)
    a[:100], b[1:101] = True, True
    b[100, 0, 0] = True
    a[0], b[0] = True, False
    assert dice(a, b) == pytest.approx(0.99)
    first = np.zeros((100, 100, 103), bool)
    second = np.zeros_like(first)
    first[..., 0:101], second[..., 1:102] = True, True
    assert dice(first, second) == pytest.approx(0.990099, abs=5e-7)


def test_empties() -> None:
    empty, full = np.zeros((2, 3, 3), bool), np.ones((2, 3, 3), bool)
    assert math.isnan(dice(empty, empty))
    assert dice(empty, full) == dice(full, empty) == 0


def test_agrees_with_monai() -> None:
    from monai.metrics import compute_dice

    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.random((2, 6, 9, 9)) > 0.6
        expected = float(
            compute_dice(torch.tensor(a)[None, None].float(), torch.tensor(b)[None, None].float())
        )
        assert dice(a, b) == pytest.approx(expected, abs=1e-6)


def test_refuses_another_grid() -> None:
    with pytest.raises(ValueError, match="one grid"):
        dice(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 3), bool))
