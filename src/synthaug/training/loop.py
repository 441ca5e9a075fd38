"""The steps of a training, and everything a later process needs to go on with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.jobs.interruption import Interruption
from synthaug.models.base import TrainableModel
from synthaug.training.ahead import STEPS_AHEAD, MadeAhead
from synthaug.training.devices import LossModule
from synthaug.training.schedule import derive_seed, draw_indices, learning_rate, share

#: Takes the number of rows, the batch size, the number of the batch and the seed; returns the rows of the batch.
Draw = Callable[[int, int, int, int], list[int]]
_LOG_ROWS = 200  # rows of history.csv, about
#: On a GPU, steps whose losses the host reads at once: only then it waits for the GPU, which computes a step meanwhile while the
#: host prepares the next ones.
STEPS_READ_TOGETHER = 4


class _Drawn(NamedTuple):
    """A batch on the host, its rows of the store, and the generator that goes on to draw the noise of its loss."""

    generator: torch.Generator
    indices: list[int]
    batch: dict[str, Tensor]


class _Step(NamedTuple):
    """What a step has left on the device: terms and rows of the store of each forward pass, and the gradient's norm."""

    iteration: int
    rate: float
    passes: list[tuple[dict[str, Tensor], list[int]]]
    norm: Tensor


class Loop:
    """A training in progress: what changes from step to step.

    Parameters
    ----------
    model : TrainableModel
        Prepared, in training mode, on its device.
    training : TrainingSettings
        Its optimisation.
    accelerator : Accelerator
        From `synthaug.training.devices`.
    draw : callable
        Rows of a batch: as `synthaug.training.schedule.draw_indices`, a function of its arguments alone.
    ahead : int
        Of how many next steps threads draw the batches meanwhile; the batches are the same. None: `STEPS_AHEAD` where there
        is a GPU, else 0.
    together : int
        Of how many steps the losses are read at once; they are the same. None: `STEPS_READ_TOGETHER` where there is a GPU,
        else 1.

    Attributes
    ----------
    iteration : int
        Steps done.
    seconds : float
        Time they took.
    rows : list of dict
        Rows of ``history.csv`` so far: means over the steps since the row before.
    """

    def __init__(
        self,
        model: TrainableModel,
        training: TrainingSettings,
        accelerator: Accelerator,
        draw: Draw = draw_indices,
        ahead: int | None = None,
        together: int | None = None,
    ) -> None:
        self.model, self.training, self._accelerator, self._draw = model, training, accelerator, draw
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._average = [parameter.detach().clone() for parameter in self._parameters]
        optimiser = torch.optim.AdamW(
            self._parameters,
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            betas=(0.9, 0.99),
        )
        self._loss, self._optimiser = accelerator.prepare(LossModule(model), optimiser)
        self.iteration = 0
        self.seconds = 0.0
        self.resumed_at: list[int] = []  # iterations from which a later process went on
        self.rows: list[dict[str, float]] = []
        self._since_row: dict[str, list[float]] = {}
        gpu = accelerator.device.type == "cuda"
        self._ahead = (STEPS_AHEAD if gpu else 0) if ahead is None else ahead
        self._together = (STEPS_READ_TOGETHER if gpu else 1) if together is None else together
        self._unread: list[_Step] = []
        self._batches: MadeAhead[_Drawn] | None = None
        self._of: tuple[int, int] | None = None

    def step(self, iteration: int, subjects: list[str], seed: int, interruption: Interruption) -> bool:
        """One optimiser step; the losses of some steps are read at once.

        Parameters
        ----------
        iteration : int
            Counted from 0.
        subjects : list of str
            Ids of the store's rows.
        seed : int
            Seed of the training.
        interruption : Interruption
            Of this process.

        Returns
        -------
        bool
            Whether any process was told to stop; all processes get the same answer, when losses are read.

        Raises
        ------
        SynthaugError
            On all processes, where the loss of any is not finite; when it is read.
        """
        started = time.monotonic()
        rate = learning_rate(self.training, iteration)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        passes = self._backward(iteration, len(subjects), seed)
        # Gradients are averaged by now: the norm is the same everywhere.
        norm = self._accelerator.clip_grad_norm_(self._parameters, self.training.gradient_clip)
        self._optimiser.step()
        self.iteration = iteration + 1
        # Warm-up: an average that remembers the initialisation is useless in a short training.
        decay = min(self.training.ema_decay, (1 + iteration) / (10 + iteration))
        torch._foreach_lerp_(self._average, [parameter.detach() for parameter in self._parameters], 1 - decay)
        self._unread.append(_Step(iteration, rate, passes, norm))
        due = self.iteration % self._together == 0 or self.iteration == self.training.iterations
        # Several processes have to agree on the step at which they look at one another's requests.
        alone = self._accelerator.num_processes == 1
        stop = (due or (alone and interruption.requested)) and self._read(subjects, interruption)
        self.seconds += time.monotonic() - started
        return stop

    @property
    def settled(self) -> bool:
        """Whether the losses of all steps were read, and found finite: only then its state may be kept."""
        return not self._unread

    def _read(self, subjects: list[str], interruption: Interruption) -> bool:
        """Read, check and log what the steps since the last reading have left; whether any process was told to stop."""
        steps, self._unread = self._unread, []
        numbers = iter(
            read_on_host(
                [
                    part
                    for step in steps
                    for part in (*(terms for terms, _ in step.passes), {"norm": step.norm})
                ]
            )
        )
        own, norms = [], []
        for step in steps:
            own.append([(next(numbers), indices) for _, indices in step.passes])
            norms.append(next(numbers)["norm"])
        reports = gather_object([(interruption.requested, own)])
        for place, (step, norm) in enumerate(zip(steps, norms, strict=True)):
            parts = [part for _, reported in reports for part in reported[place]]
            self._refuse_what_is_not_finite(parts, norm, step.iteration, subjects)
            self._log(step.iteration + 1, [terms for terms, _ in parts], step.rate, norm)
        return any(requested for requested, _ in reports)

    def _backward(self, iteration: int, count: int, seed: int) -> list[tuple[dict[str, Tensor], list[int]]]:
        """Gradients of this process's share; the terms of each forward pass and its rows of the store."""
        torch.manual_seed(self._own_seed(iteration, seed))  # for layers that draw by themselves
        generator, indices, drawn = self._first_batch(iteration, count, seed)
        accumulation = self.training.accumulation
        parts = []
        for part in range(accumulation):
            if part:  # continues the stream of the part before, so that it cannot be drawn ahead
                indices = self._indices(iteration, part, count, seed)
                drawn = self.model.batch(indices, generator)
            batch = {key: value.to(self.model.device, non_blocking=True) for key, value in drawn.items()}
            # Gradients travel between processes once a step.
            last = part == accumulation - 1
            with nullcontext() if last else self._accelerator.no_sync(self._loss):
                loss, terms = self._loss(batch, generator, iteration)
                self._accelerator.backward(loss / accumulation)
            # Copies: a term may be a buffer, which later steps change before it is read.
            values = {"loss": loss, **terms}.items()
            parts.append(({name: value.detach().clone() for name, value in values}, indices))
        return parts

    def _first_batch(self, iteration: int, count: int, seed: int) -> _Drawn:
        """The batch of a step's first forward pass, perhaps drawn during the step before."""
        if self._batches is None or self._of != (count, seed):

            def draw(step: int) -> _Drawn:
                generator = torch.Generator().manual_seed(self._own_seed(step, seed))
                indices = self._indices(step, 0, count, seed)
                return _Drawn(generator, indices, self.model.batch(indices, generator))

            self._batches = MadeAhead(draw, self.training.iterations, self._ahead)
            self._of = (count, seed)
        return self._batches.take(iteration)

    @property
    def waited(self) -> float:
        """Seconds that this process's steps waited for their first batch."""
        return self._batches.waited if self._batches is not None else 0.0

    def _own_seed(self, iteration: int, seed: int) -> int:
        """Seed of this process in a step."""
        return derive_seed(seed, iteration, self._accelerator.process_index)

    def _indices(self, iteration: int, part: int, count: int, seed: int) -> list[int]:
        """This process's rows of the store in a forward pass of a step."""
        position = iteration * self.training.accumulation + part
        drawn = self._draw(count, self.training.batch_size, position, seed)
        return share(drawn, self._accelerator.process_index, self._accelerator.num_processes)

    def _refuse_what_is_not_finite(
        self,
        parts: list[tuple[dict[str, float], list[int]]],
        norm: float,
        iteration: int,
        subjects: list[str],
    ) -> None:
        broken = [indices for terms, indices in parts if not math.isfinite(terms["loss"])]
        if not broken:
            scaler = self._accelerator.scaler
            # float16 finds its scale by overflowing: such a step is skipped, and the scale halved.
            if math.isfinite(norm) or (scaler is not None and scaler.get_scale() >= 1):
                return
            broken = [indices for _, indices in parts]
        loss = sum(terms["loss"] for terms, _ in parts) / len(parts)
        among = ", ".join(sorted({subjects[index] for indices in broken for index in indices}))
        raise SynthaugError(
            f"{type(self.model).__name__}: the loss is {loss} with gradient norm {norm} at "
            f"iteration {iteration}, on {among}; lower training.learning_rate or look at these subjects, "
            "the last checkpoint is kept"
        )

    def _log(self, done: int, parts: list[dict[str, float]], rate: float, norm: float) -> None:
        for part in [*parts, {"learning_rate": rate, "gradient_norm": norm}]:
            for name, value in part.items():
                self._since_row.setdefault(name, []).append(value)
        every = max(1, self.training.iterations // _LOG_ROWS)
        if done % every == 0 or done == self.training.iterations:
            means = {name: sum(values) / len(values) for name, values in self._since_row.items()}
            self.rows.append({"iteration": done, **means})
            self._since_row = {}

    def latest(self) -> str:
        """The last logged loss, for the progress line."""
        return f"loss {self.rows[-1]['loss']:.4g}" if self.rows else ""

    def state(self) -> dict[str, Any]:
        """Everything a later process needs to go on as if nothing had happened; of a `settled` training."""
        assert self.settled
        scaler = self._accelerator.scaler
        return {
            "iteration": self.iteration,
            "model": self.model.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
            "scaler": {} if scaler is None else scaler.state_dict(),
            "seconds": self.seconds,
            "rows": self.rows,
            "since_row": self._since_row,
            "resumed_at": self.resumed_at,
        }

    def resume(self, state: dict[str, Any] | None) -> None:
        """Take over a saved state; None starts from the beginning."""
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._accelerator.scaler is not None and state["scaler"]:
            self._accelerator.scaler.load_state_dict(state["scaler"])
        self._average = [value.to(self.model.device) for value in state["average"]]
        self.iteration, self.seconds = state["iteration"], state["seconds"]
        self.rows, self._since_row = state["rows"], state["since_row"]
        self.resumed_at = [*state["resumed_at"], self.iteration]

    def use_average(self) -> None:
        """Put the averaged weights into the model, frozen."""
        with torch.no_grad():
            for parameter, averaged in zip(self._parameters, self._average, strict=True):
                parameter.copy_(averaged)
        self.model.requires_grad_(False).eval()


def read_on_host(parts: Sequence[Mapping[str, Tensor]]) -> list[dict[str, float]]:
    """Numbers (0-d tensors) of a step by their names: all in one transfer, for which alone the host waits."""
    values = iter(torch.stack([value.double() for part in parts for value in part.values()]).tolist())
    return [{name: next(values) for name in part} for part in parts]
