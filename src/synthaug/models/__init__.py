"""Trainable models; `synthaug.core.registry` finds the class of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from synthaug.models.base import TrainableModel


def load_model(path: str | Path, device: str = "cpu") -> TrainableModel:
    """Load a trained model and what it needs; see `synthaug.models.weights.load_model`."""
    from synthaug.models import weights

    return weights.load_model(path, device=device)
