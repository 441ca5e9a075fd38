"""A network that recognises a patient across phase, geometry and contrast: it looks for copies in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.patient_recogniser import PatientRecogniserSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.batch_statistics import renew_on_training_batches
from synthaug.models.geometry import Geometry
from synthaug.networks.patient_recogniser import StackEncoder

#: Largest exponent of the intensities of a view, and its inverse the smallest.
_CONTRAST = 1.4
_NOISE = 0.05  # standard deviation of the noise of a view, in units of the intensity range


class PatientRecogniser(TrainableModel):
    """Contrastive embedding of stacks of slices, trained on the fold's real training cines.

    Data        two views v, v' of each patient: stacks (b, z, y, x) of two random phases, each mirrored or not, moved,
                with another contrast and noise
    Prediction  e(v): unit vector
    Loss        -log softmax_j(e(v_i) . e(v'_j) / temperature) at j = i, over all other views; views of one patient
                in several rows of a batch are no negatives of each other

    References
    ----------
    Chen et al., SimCLR, ICML 2020. Dar et al., Investigating data memorization in 3D latent diffusion models for medical
    image synthesis, MICCAI workshop 2023.
    """

    def __init__(
        self,
        settings: PatientRecogniserSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        self.augmentation = settings.augmentation
        self.temperature = settings.temperature
        self.network = StackEncoder(settings.channels, settings.width)

    def prepare(self, store: TensorStore) -> None:
        """Keep the memory-mapped cines; batches are read from them."""
        self.images, self.slice_mask = store.images, store.slice_mask
        self.patients = _patients(store)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Two views of each subject, (b, z, y, x), and the number of its patient (b,)."""
        # Stacks of one batch share a length: the shortest, at a random height in the longer ones.
        length = int(self.slice_mask[indices].sum(axis=1).min())
        first, second = (
            torch.stack([self._view(index, length, generator) for index in indices]) for _ in range(2)
        )
        return {"first": first, "second": second, "patient": self.patients[indices]}

    def _view(self, index: int, length: int, generator: torch.Generator) -> Tensor:
        slices = self.slice_mask[index].nonzero()[0]
        start = slices[0] + _draw(len(slices) - length + 1, generator)
        frame = _draw(self.images.shape[1], generator)
        stack = torch.from_numpy(self.images[index, frame, start : start + length].astype("float32"))
        if _draw(2, generator):
            stack = stack.flip(-1)
        stack = Geometry.draw(self.augmentation, generator).apply(stack)
        exponent = _CONTRAST ** float(2 * torch.rand((), generator=generator) - 1)
        return stack.clamp(0, 1) ** exponent + _NOISE * torch.randn(stack.shape, generator=generator)

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of each view's own partner among all views."""
        first, second = self.network(batch["first"]), self.network(batch["second"])
        loss = contrastive_loss(first, second, batch["patient"], self.temperature)
        return loss, {"contrastive": loss.detach()}

    def finish(self, store: TensorStore) -> None:
        """Take the statistics by which features are standardised with the final weights."""
        renew_on_training_batches(self, len(store), self.settings.training.batch_size)

    @torch.inference_mode()
    def describe(self, stacks: Tensor) -> Tensor:
        """Unit vectors (b, width) of stacks (b, z, y, x), intensities in [0, 1]."""
        return self.network(stacks.to(self.device))

    @torch.inference_mode()
    def assess(self, store: TensorStore) -> dict[str, float]:
        """Fraction of a store's subjects whose most similar stack half a cycle later is their own patient's."""
        self.eval()
        phases = [
            torch.cat([self.describe(self._stack(store, index, frame)) for index in range(len(store))])
            for frame in (0, store.images.shape[1] // 2)
        ]
        nearest = (phases[0] @ phases[1].T).argmax(dim=1).cpu()
        patients = _patients(store)
        return {"recognised": float((patients[nearest] == patients).float().mean())}

    @staticmethod
    def _stack(store: TensorStore, index: int, frame: int) -> Tensor:
        stack = store.images[index, frame][store.slice_mask[index]]
        return torch.from_numpy(stack.astype("float32"))[None]


def contrastive_loss(first: Tensor, second: Tensor, patient: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy of pairs of views.

    Parameters
    ----------
    first, second : Tensor, shape (b, d)
        Unit vectors of the two views of each subject.
    patient : Tensor, shape (b,)
        Number of the patient; rows with the same one are not told apart.
    temperature : float
        Divisor of the cosines.
    """
    b = len(first)
    views, patients = torch.cat([first, second]), torch.cat([patient, patient])
    partner = torch.arange(2 * b, device=views.device).roll(b)
    same = patients[:, None] == patients
    same = same.scatter(1, partner[:, None], value=False)
    logits = (views @ views.T / temperature).masked_fill(same, float("-inf"))
    return functional.cross_entropy(logits, partner)


def _patients(store: TensorStore) -> Tensor:
    """Number of the patient of each subject of a store, (n,); visits of one patient share it."""
    table = store.table
    patients = table["patient"] if "patient" in table else table["subject"]
    codes = patients.fillna(table["subject"]).astype("category").cat.codes
    return torch.tensor(codes.to_numpy("int64"))


def _draw(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
