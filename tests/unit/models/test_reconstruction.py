"""Figures of an autoencoder's reconstructions are the documented metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from synthaug.metrics import peak_signal_to_noise_ratio, structural_similarity
from synthaug.models.reconstruction import measure_reconstruction


class _Store:
    """One subject, as a `TensorStore` holds it."""

    def __init__(self, images: Any, labels: Any, slice_mask: Any, table: pd.DataFrame) -> None:
        self.images, self.labels, self.slice_mask, self.table = images, labels, slice_mask, table

    def __len__(self) -> int:
        return len(self.images)


def test_figures_are_the_metrics_of_the_package() -> None:
    rng = np.random.default_rng(0)
    cine = rng.random((3, 2, 16, 16)).astype(np.float16)
    truth = np.zeros((3, 2, 16, 16), np.uint8)
    truth[0, 0, 4:8, 4:8] = 1  # 16 voxels of LV
    predicted = np.zeros_like(truth)
    predicted[0, 0, 4:8, 4:12] = 1  # 32 voxels, 16 of them right: Dice 2 * 16 / 48
    slices = np.array([True, False])
    table = pd.DataFrame({"labelled_frames": ["0"]})
    store: Any = _Store(cine[None], truth[None], slices[None], table)

    def reconstruct(images: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (0.9 * images).clone(), torch.from_numpy(predicted)[None]

    figures = measure_reconstruction(reconstruct, store)
    real = cine[0, :1].astype(np.float32)
    made = np.float32(0.9) * real
    assert figures["psnr_db"] == pytest.approx(peak_signal_to_noise_ratio(real, made, 1.0))
    assert figures["ssim"] == pytest.approx(structural_similarity(real, made, 1.0))
    assert figures["dice_LV"] == pytest.approx(2 / 3)
    assert set(figures) == {"psnr_db", "ssim", "dice_LV"}
