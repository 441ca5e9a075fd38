"""Trainable models by kind; each module is imported only when its kind is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def reference_of(settings: ModelSettings) -> str:
    """``module:Class`` of a model: by its kind, or as the settings of a plugin name it."""
    return settings.class_name if settings.kind == "plugin" else KINDS[settings.kind]


def class_of(settings: ModelSettings) -> type[TrainableModel]:
    """Class of a model."""
    from synthaug.core.plugins import load_class
    from synthaug.models.base import TrainableModel

    found: type[TrainableModel] = load_class(reference_of(settings), TrainableModel)
    return found


def settings_of(content: Mapping[str, Any]) -> ModelSettings:
    """Settings of a model from their JSON-able content, by its `kind`."""
    from pydantic import TypeAdapter

    from synthaug.config.models import ModelSettings

    settings: ModelSettings = TypeAdapter(ModelSettings).validate_python(dict(content))
    return settings
