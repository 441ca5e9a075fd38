"""Trainable models by kind; each module is imported only when its kind is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from synthaug.config.models import ModelSettings
    from synthaug.models.base import TrainableModel

#: Where the class of each kind is found; the settings of a kind are in `synthaug.config`.
KINDS = {
    "autoencoder": "synthaug.models.autoencoder:Autoencoder",
    "vq_autoencoder": "synthaug.models.vq_autoencoder:VQAutoencoder",
    "anatomy_diffusion": "synthaug.models.anatomy_diffusion:AnatomyDiffusion",
    "motion_network": "synthaug.models.motion_network:MotionNetwork",
    "motion_diffusion": "synthaug.models.motion_diffusion:MotionDiffusion",
    "cine_diffusion": "synthaug.models.cine_diffusion:CineDiffusion",
    "masked_autoencoder": "synthaug.models.masked_autoencoder:MaskedAutoencoder",
}


def module_of(kind: str) -> str:
    """Dotted name of the module that defines a kind of model."""
    return KINDS[kind].partition(":")[0]


def class_of(kind: str) -> type[TrainableModel]:
    """Class of a kind of model."""
    module, _, name = KINDS[kind].partition(":")
    model_class: type[TrainableModel] = getattr(importlib.import_module(module), name)
    return model_class


def settings_of(content: Mapping[str, Any]) -> ModelSettings:
    """Settings of a model from their JSON-able content, by its `kind`."""
    from pydantic import TypeAdapter

    from synthaug.config.models import ModelSettings

    settings: ModelSettings = TypeAdapter(ModelSettings).validate_python(dict(content))
    return settings


def load_model(path: str | Path, device: str = "cpu") -> TrainableModel:
    """Load a trained model and what it needs; see `synthaug.models.weights.load_model`."""
    from synthaug.models import weights

    return weights.load_model(path, device=device)
