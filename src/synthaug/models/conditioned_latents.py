"""Latents of a fold's cines and the conditions of its subjects: what every model on latents starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd
import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.geometry import GeometrySettings
from synthaug.config.latent_models import ConditionedLatentsSettings
from synthaug.config.phenotype_conditions import condition_of
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioner import Conditioner, check_columns, es_of_frames, vocabulary
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.latents import LatentCache, channel_statistics, encode_cines
from synthaug.models.phases import cardiac_phase
from synthaug.networks.conditioning import Dropout


class ConditionedLatents(TrainableModel):
    """Encoded cines of the training fold, their slices and phases, and the conditions of their subjects.

    Data        z = (encode(x) - mean) / sd,  (b, [t,] c, z, y, x), zero in missing slices
    Conditions  c, from the cohort's table; scaled with the in-plane enlargement s: volumes and masses by s^2,
                diameters by s, others by the power of s that the registry of phenotypes gives

    How z is predicted is left to a kind: diffusion of the whole (`LatentDiffusion`) or of single tokens, or codes
    of z one after the other.

    Attributes
    ----------
    conditioner : Conditioner
        A kind makes it, with `make_conditioner`: the length of its embedding is the network's.
    cache : LatentCache
        Encoded copies; there once `fit_to_fold` was called.
    training_values : dict of str to Tensor, shape (n, ...)
        Raw conditions; there once `fit_to_table` was called, like the next two. A kind may add tokens or control
        volumes.
    slices : Tensor, shape (n, 1, z, 1, 1)
        1 where a slice exists.
    phases : Tensor, shape (n, t')
        Cardiac phase of every latent frame.
    """

    conditioner: Conditioner
    cache: LatentCache
    training_values: dict[str, Tensor]
    slices: Tensor
    phases: Tensor
    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: ConditionedLatentsSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        self.conditions = settings.conditions
        channels = self.autoencoder.latent_shape[0]
        self.register_buffer("mean", torch.zeros(channels, 1, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(channels, 1, 1, 1))

    @property
    def autoencoder(self) -> LatentAutoencoder:
        """The autoencoder of the latents."""
        return cast(LatentAutoencoder, self.needs["autoencoder"])

    @classmethod
    def facts(cls, settings: ConditionedLatentsSettings, store: TensorStore) -> dict[str, Any]:
        """The vocabulary of the categorical conditions."""
        check_columns(store.table, settings.conditions)
        return {"vocabulary": vocabulary(store.table, settings.conditions)}

    def make_conditioner(
        self,
        size: int,
        token_width: int = 0,
        drop_tokens: float = 0.0,
        control_channels: int = 0,
        drop_control: float = 0.0,
    ) -> Conditioner:
        """A conditioner of the settings' conditions; see `Conditioner` and `Dropout`."""
        settings = self.settings
        dropout = Dropout(settings.drop_condition, settings.drop_all_conditions, drop_tokens, drop_control)
        return Conditioner(
            settings.conditions,
            self.fold_facts["vocabulary"],
            size,
            dropout,
            token_width,
            control_channels,
        )

    def read(self, table: pd.DataFrame) -> dict[str, Tensor]:
        """Raw conditions of the rows of requests; a kind may add tokens."""
        return self.conditioner.read(table)

    def fit_to_table(self, store: TensorStore) -> None:
        """Take what is known of the training fold but its images: conditions and their statistics, slices, phases."""
        self.conditioner.fit(store.table)
        self.take_table(store)

    def take_table(self, store: TensorStore) -> None:
        """As `fit_to_table`, with statistics as they are."""
        self.training_values = self.conditioner.read(store.table)
        self.slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        es_phase = torch.from_numpy(es_of_frames(store.table))
        self.phases = cardiac_phase(es_phase, self.grid.frames, self.autoencoder.frames_per_latent)

    def take_cines(self, store: TensorStore, copies: int, geometry: GeometrySettings) -> None:
        """A trained model takes the fold for one that builds on it: encoded copies, and no new statistics."""
        self.take_table(store)
        self.cache = encode_cines(self.autoencoder, store, range(self.grid.frames), copies, geometry)

    def fit_to_fold(self, store: TensorStore, frames: Sequence[int]) -> None:
        """Take the training fold: what `fit_to_table` does, and encoded copies of `frames`."""
        self.fit_to_table(store)
        self.cache = encode_cines(
            self.autoencoder, store, frames, self.settings.copies, self.settings.augmentation
        )

    def fit_to_cines(self, store: TensorStore) -> None:
        """Take the training fold for a model of whole cines: all frames, and statistics of their latents."""
        self.fit_to_fold(store, range(self.grid.frames))
        self.fit_normalisation(self.cache.mean[0].float())

    def draw_copies(self, count: int, generator: torch.Generator) -> Tensor:
        """Which encoded copy of each of `count` subjects a batch takes."""
        return torch.randint(len(self.cache.mean), (count,), generator=generator)

    def draw_frames(self, count: int, each: int | None, generator: torch.Generator) -> Tensor:
        """Latent frames (count, each) that a batch of `count` items takes of its cines, in order of time; all with None."""
        frames = self.cache.mean.shape[2]
        if each is None or each >= frames:
            return torch.arange(frames).expand(count, -1)
        return torch.rand(count, frames, generator=generator).argsort(dim=1)[:, :each].sort(dim=1).values

    def cine_batch(
        self,
        indices: list[int],
        generator: torch.Generator,
        copies: Tensor | None = None,
        frames: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Fresh draws of cines: `latents` (b, t, c, z, y, x), `phases` (b, t), slices, conditions.

        `copies` (b,) from `draw_copies` and `frames` (b, t) from `draw_frames`, where they are drawn already; else all
        frames.
        """
        if copies is None:
            copies = self.draw_copies(len(indices), generator)
        if frames is None:
            frames = self.draw_frames(len(indices), None, generator)
        latents = [
            self.cache.draw(int(copy), index, taken, generator)
            for copy, index, taken in zip(copies, indices, frames, strict=True)
        ]
        return {
            "latents": torch.stack(latents),
            "phases": self.phases[indices].gather(1, frames),
            "slices": self.slices[indices],
            **self.values_of(indices, self.cache.scale[copies, indices]),
        }

    def values_of(self, indices: list[int], scale: Tensor) -> dict[str, Tensor]:
        """Raw conditions of training subjects, each as it grows when the heart is enlarged by `scale` (b,) in the plane."""
        values = {name: column[indices] for name, column in self.training_values.items()}
        growth = {name: condition_of(name).scaling for name in values}
        return {
            name: value * scale ** growth[name] if growth[name] else value for name, value in values.items()
        }

    def fit_normalisation(self, latents: Tensor) -> None:
        """Take mean and standard deviation of each channel from latents (n, t, c, z, y, x) of the fold."""
        mean, deviation = self.statistics(latents)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def statistics(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, (c, 1, 1, 1), of latents (n, t, c, z, y, x) over existing slices."""
        slices = repeat(self.slices, "n 1 z 1 1 -> (n t) 1 z 1 1", t=latents.shape[1])
        return channel_statistics(rearrange(latents, "n t c z y x -> (n t) c z y x"), slices)

    def normalise(self, latents: Tensor, slices: Tensor) -> Tensor:
        """(latents - mean) / sd, zero in missing slices; `slices` broadcasts against the latents."""
        return (latents - self.mean) / self.standard_deviation * slices

    def denormalise(self, data: Tensor, slices: Tensor) -> Tensor:
        """The inverse of `normalise` in existing slices."""
        return (data * self.standard_deviation + self.mean) * slices
