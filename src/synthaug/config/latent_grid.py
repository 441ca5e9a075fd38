"""Whether the common grid can be divided as the models divide it: strides, patches, frames and words that are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthaug.config.autoencoders import LatentAutoencoderSettings
from synthaug.config.autoregression import MaskedAutoregressionSettings
from synthaug.config.cine_diffusion import CineDiffusionSettings
from synthaug.config.sequence_diffusion import SequenceDiffusionSettings
from synthaug.config.text_encoders import TextEncoderSettings
from synthaug.config.text_models import TextAlignmentSettings

if TYPE_CHECKING:
    from synthaug.config.study import StudySettings

_AXES = ("frames", "rows", "columns")


def check_latent_grid(study: StudySettings) -> None:
    """Refuse what could be found only when the models that a model needs were trained.

    Parameters
    ----------
    study : StudySettings
        The study.

    Raises
    ------
    ValueError
        Strides that do not divide the grid; a patch that does not divide the latents; more frames drawn than latents
        have; or as many learned words as the text encoder reads.
    """
    _, rows, columns = study.harmonisation.matrix
    grid = (study.harmonisation.frames, rows, columns)
    for name, model in study.models.items():
        where = f"models.{name}"
        if isinstance(model, LatentAutoencoderSettings):
            for axis, length, factor in zip(_AXES, grid, _factors(model), strict=True):
                if length % factor:
                    key = "frames" if axis == "frames" else "matrix"
                    raise ValueError(
                        f"{where}.strides: {length} {axis} are not divisible by {factor} ({len(model.channels)} levels); "
                        f"change harmonisation.{key}, or the model's channels or strides"
                    )
    for name, model in study.models.items():
        where = f"models.{name}"
        coder = study.models.get(model.needs.get("autoencoder", ""))
        if isinstance(coder, LatentAutoencoderSettings):
            latent = [length // factor for length, factor in zip(grid, _factors(coder), strict=True)]
            if isinstance(model, MaskedAutoregressionSettings) or (
                isinstance(model, CineDiffusionSettings) and model.network == "transformer"
            ):
                _check_patch(where, latent, model.patch)
            if isinstance(model, TextAlignmentSettings):
                t, _, y, x = model.patch
                _check_patch(where, latent, (t, y, x))
            if isinstance(model, SequenceDiffusionSettings) and model.frames_drawn > latent[0]:
                raise ValueError(
                    f"{where}.frames_drawn: {model.frames_drawn} of {latent[0]} latent frames; give fewer"
                )
        text = study.models.get(model.needs.get("text", ""))
        if isinstance(model, TextAlignmentSettings) and isinstance(text, TextEncoderSettings):
            learned = model.contexts + 1
            if learned >= text.longest:
                raise ValueError(
                    f"{where}.contexts: {learned} learned words with that of the class, {model.needs['text']} reads "
                    f"{text.longest}, so that no word of a sentence is left; give fewer, or a larger "
                    f"models.{model.needs['text']}.longest"
                )


def _factors(coder: LatentAutoencoderSettings) -> list[int]:
    """Division of frames, rows and columns by an autoencoder."""
    return [math.prod(strides) for strides in zip(*coder.level_strides, strict=True)]


def _check_patch(where: str, latent: Sequence[int], patch: Sequence[int]) -> None:
    for axis, length, part in zip(_AXES, latent, patch, strict=True):
        if length % part:
            raise ValueError(
                f"{where}.patch: {length} {axis} of the latent are not divisible by the patch's {part}; give a divisor"
            )
