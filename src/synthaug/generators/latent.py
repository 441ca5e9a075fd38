"""Generators that draw latents of whole cines and decode image and mask from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.store import first_slice
from synthaug.generators.base import Generator
from synthaug.models.base import TrainableModel
from synthaug.models.conditioner import Conditioner, raw_values
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.phases import cardiac_phase
from synthaug.models.weights import load_model


class LatentGenerator(Generator):
    """Batches, slices and decoding; a kind adds how latents are drawn.

    Image and mask are decoded from one latent, so every frame comes with its mask, unless the
    autoencoder was trained without.

    Parameters
    ----------
    autoencoder : LatentAutoencoder
        Decodes; trained.
    models : mapping of str to TrainableModel
        Every model by role, the autoencoder among them.
    unconditional : collection of str
        Roles of the models that are sampled from the nulls of their conditions, so that these take no effect.

    Attributes
    ----------
    models : mapping of str to TrainableModel
        The same.
    """

    def __init__(
        self,
        autoencoder: LatentAutoencoder,
        models: Mapping[str, TrainableModel],
        unconditional: Collection[str] = (),
    ) -> None:
        self.autoencoder, self.models = autoencoder, models
        self.grid = autoencoder.grid
        # n_slices and es_phase always take effect: the generator makes the slices and sets the phases.
        asked = (model.conditions for role, model in models.items() if role not in unconditional)
        self.conditions = sorted({"n_slices", "es_phase"}.union(*asked))

    @classmethod
    def build(cls, settings: Any, models: Mapping[str, Path], device: str) -> LatentGenerator:
        """Load the models in the order of the roles; each must have been trained on those of them that it needs."""
        loaded: dict[str, TrainableModel] = {}
        for role in settings.role_kinds:
            if role in models:
                loaded[role] = load_model(models[role], loaded, device)
        return cls.of(settings, loaded)

    @classmethod
    @abstractmethod
    def of(cls, settings: Any, models: Mapping[str, TrainableModel]) -> LatentGenerator:
        """Make the generator of trained models by role, which are in evaluation mode on one device."""

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.autoencoder.device

    @abstractmethod
    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents (b, t', c, z, y', x') of one batch; `slices` (b, 1, z, 1, 1) is 1 in requested slices.

        A row's latents may depend on its conditions and its seed only.
        """

    def make(self, requests: Cohort, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Cines and masks of one batch, as of `LatentAutoencoder.decode_cine`: decoded from the latents that are drawn."""
        return self.autoencoder.decode_cine(self.draw_requests(requests, slices), slices)

    def sample(
        self, requests: Cohort, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """Make one cine a request; see `Generator.sample`."""
        # A CPU kernel may sum in another order for another batch size: one subject at a time
        # keeps a sample the same bits in every chunk, and costs a CPU little.
        size = 1 if self.device.type == "cpu" else batch_size
        for start in range(0, len(requests.table), size):
            part = requests.select(requests.subjects[start : start + size])
            rows = part.table
            cines, labels = self._on_host(part)
            for place, (subject, count) in enumerate(zip(rows["subject"], rows["n_slices"], strict=True)):
                first = first_slice(int(count), self.grid.z)
                there = slice(first, first + int(count))
                masks = None if labels is None else labels[place][:, there]
                yield str(subject), cines[place][:, there], masks

    @torch.no_grad()
    def sample_batch(self, requests: Cohort) -> tuple[Tensor, Tensor | None]:
        """Cines and decoded masks (b, t, z, y, x) of requests that are worked on together, on the device and the whole grid.

        All of sampling that a GPU does; nothing of it is read on the host.
        """
        slices = self._slices(requests.table).to(self.device)
        with self.precision():
            return self.make(requests, slices)

    def _on_host(self, requests: Cohort) -> tuple[np.ndarray, np.ndarray | None]:
        images, labels = self.sample_batch(requests)
        decoded = None if labels is None else labels.cpu().numpy()
        return images.cpu().numpy(), self.labels_of(requests, decoded)

    def draw_requests(self, requests: Cohort, slices: Tensor) -> Tensor:
        """As `draw`, for a kind that reads more of a request than its row of the table, such as its masks."""
        return self.draw(requests.table, slices)

    def labels_of(self, requests: Cohort, decoded: np.ndarray | None) -> np.ndarray | None:
        """Masks (b, t, z, y, x) of a batch on the whole grid: the decoded ones, unless a kind says otherwise."""
        return decoded

    def precision(self) -> torch.autocast:
        """Context in which latents are drawn: bfloat16 on a GPU that has it; where it is emulated, float32 is faster."""
        half = self.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def values(self, conditioner: Conditioner, rows: pd.DataFrame) -> dict[str, Tensor]:
        """Conditions of the rows as a model reads them, on the device."""
        return {name: value.to(self.device) for name, value in conditioner.read(rows).items()}

    def phases(self, rows: pd.DataFrame) -> Tensor:
        """Cardiac phase of every latent frame, (b, t')."""
        es_phase = torch.from_numpy(raw_values(rows, "es_phase")).to(self.device)
        return cardiac_phase(es_phase, self.grid.frames, self.autoencoder.frames_per_latent)

    def _slices(self, rows: pd.DataFrame) -> Tensor:
        slices = torch.zeros(len(rows), 1, self.grid.z, 1, 1)
        for place, (subject, count) in enumerate(zip(rows["subject"], rows["n_slices"], strict=True)):
            if not 1 <= count <= self.grid.z:
                raise SynthaugError(
                    f"{subject}: {count} slices are requested; give 1 to {self.grid.z}, the slices of the grid"
                )
            first = first_slice(int(count), self.grid.z)
            slices[place, :, first : first + int(count)] = 1
        return slices
