"""What the training loop, the checkpoint and a generator ask of every trainable model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from synthaug.config.base import Settings
from synthaug.config.training import TrainableSettings
from synthaug.data.store import TensorStore


@dataclass(frozen=True)
class Grid:
    """The grid all cines of a study share.

    Attributes
    ----------
    frames, z, y, x : int
        Lengths of the axes; a subject has up to `z` slices.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).
    """

    frames: int
    z: int
    y: int
    x: int
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, store: TensorStore) -> Grid:
        """The grid of a store."""
        _, t, z, y, x = store.images.shape
        return cls(t, z, y, x, store.spacing_mm)

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able content."""
        return {**asdict(self), "spacing_mm": list(self.spacing_mm)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Grid:
        """From the content of `as_dict`."""
        z, y, x = content["spacing_mm"]
        return cls(content["frames"], content["z"], content["y"], content["x"], (z, y, x))


class TrainableModel(nn.Module, ABC):
    """One trainable stage of a generator or of an extractor.

    The loop makes a model as ``Model(settings, grid, needs, Model.facts(settings, store))``,
    calls `prepare` once, then for every step ``loss(*batch(...))``, and at the end `finish`. A model
    without parameters is trained when it is prepared: there are no steps, and its loss is recorded once.
    Loading makes it the same way from the settings, grid and facts in the weight file, without `prepare`:
    whatever a trained model must know lies in its parameters, buffers and facts.

    Parameters
    ----------
    settings : TrainableSettings
        The model's section of the study.
    grid : Grid
        Grid of the cines.
    needs : mapping of str to TrainableModel
        Trained models this one builds on, by role; frozen, in evaluation mode.
    facts : mapping
        What `facts` learned of the training fold.

    Attributes
    ----------
    identity : str
        SHA-256 of the weight file it was loaded from; empty while it is trained.
    seen : list of str
        Ids of the subjects it, and what it needs, was trained on; empty while it is trained.
    conditions : tuple of str
        What it is conditioned on (names of `synthaug.config.conditions`); none, unless a kind says otherwise.
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    roles : tuple of str or None
        Roles of the models that a class from outside needs; None where any will do.
    beside : tuple of Module
        Frozen networks of others that it computes with, on its device; no parts of it, so that they are not saved again.
    learned_buffers : tuple of str
        Buffers that steps change as they change parameters, no statistics of a fold: fine-tuning starts from them, too.
    """

    Options: ClassVar[type[Settings]] = Settings
    roles: ClassVar[tuple[str, ...] | None] = None
    learned_buffers: ClassVar[tuple[str, ...]] = ()
    beside: tuple[nn.Module, ...] = ()
    identity: str = ""
    seen: Sequence[str] = ()
    conditions: tuple[str, ...] = ()

    def __init__(
        self,
        settings: TrainableSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.grid = grid
        # A plain dict, so that the needed models' weights are neither trained nor saved again.
        self.needs = dict(needs)
        self.fold_facts = dict(facts or {})

    @classmethod
    def facts(cls, settings: Any, store: TensorStore) -> dict[str, Any]:
        """JSON-able facts of the training fold that shape the network, such as a vocabulary."""
        return {}

    @property
    def device(self) -> torch.device:
        """Device of the parameters or, without any, of the buffers."""
        first = next(self.parameters(), None)
        return next(self.buffers()).device if first is None else first.device

    @abstractmethod
    def prepare(self, store: TensorStore) -> None:
        """Take the training fold: statistics into buffers, latents into a cache.

        Deterministic, and run again on resume. The model is on its device already. All processes of a training call it; they may
        share its work: `synthaug.models.shared_rows`.
        """

    @abstractmethod
    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Make a training batch of these subjects of the prepared store.

        Parameters
        ----------
        indices : list of int
            Rows of the store, in an order the loop shuffles every epoch.
        generator : torch.Generator
            On the CPU; the only source of randomness.

        Returns
        -------
        dict of str to Tensor
            The loop moves them to the device.
        """

    @abstractmethod
    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch and the terms to log; randomness from the CPU `generator` only.

        Noise of the size of the data is drawn on the device with `synthaug.diffusion.draws`, which takes its seeds from the generator.
        Terms are 0-d tensors without gradient: the loop reads them, so that the device need not wait for the host here.
        """

    def finish(self, store: TensorStore) -> None:
        """Take statistics of the training fold that depend on the final weights into buffers; by default none.

        Called once, by the first process, with the averaged weights in evaluation mode, before they are written.
        """

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Figures for the training record, measured on `store` with the final weights."""
        return {}


def to_device(model: nn.Module, device: str | torch.device) -> None:
    """Move a model to a device, volume convolutions channels last, in which they run fastest."""
    model.to(device)
    for parameter in model.parameters():
        if parameter.dim() == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
