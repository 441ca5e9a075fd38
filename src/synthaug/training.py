"""The one training loop of all models."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthaug.artifacts import atomic_file, sha256_file, sha256_json, write_json
from synthaug.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint
from synthaug.config.models import ModelSettings
from synthaug.config.training import TrainingSettings
from synthaug.errors import SynthaugError
from synthaug.models import class_of
from synthaug.models.base import Grid, TrainableModel, place
from synthaug.models.weights import load_model, save_model
from synthaug.plugins import code_hashes
from synthaug.store import TensorStore

#: Exit code of a training that was interrupted after it wrote a checkpoint: run it again to resume.
INTERRUPTED = 85
_LOG_ROWS = 200  # rows of history.csv, about


def train_model(
    settings: ModelSettings,
    store: Path,
    needs: Mapping[str, Path],
    weights: Path,
    record: Path,
    history: Path,
    checkpoints: Path,
    seed: int,
    threads: int,
    validation: Path | None = None,
) -> None:
    """Train one model, or go on with a training that was interrupted.

    All randomness of a step is a function of the seed and the step's number, so that a resumed
    training gives the weights of an uninterrupted one, bit for bit on a CPU. What is kept is
    the moving average of the weights.

    Parameters
    ----------
    settings : ModelSettings
        The model's section of the study.
    store : Path
        `TensorStore` of the fold's training subjects.
    needs : mapping of str to Path
        Weight files of the models this one builds on, by role.
    weights, record, history : Path
        Written at the end: ``model.safetensors``, ``training.json`` and ``history.csv``.
    checkpoints : Path
        Folder for states to resume from; removed at the end.
    seed : int
        Seed of initialisation, order and noise.
    threads : int
        CPU threads.
    validation : Path, optional
        `TensorStore` on which the final figures are measured; the training fold where None.

    Raises
    ------
    SystemExit
        With code `INTERRUPTED`, after SIGTERM, SIGINT or SIGUSR1 and a checkpoint.
    SynthaugError
        The loss became infinite or not a number; the last good checkpoint stays.
    """
    torch.set_num_threads(threads)
    training = settings.training
    data = TensorStore.open(store)
    subjects = list(data.table.index)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    needed = {role: load_model(path, device=device) for role, path in needs.items()}
    model_class = class_of(settings)
    identity = sha256_json(
        {
            "settings": settings.model_dump(mode="json"),
            "subjects": subjects,
            "needs": {role: model.identity for role, model in needed.items()},
            "seed": seed,
            "code": code_hashes([model_class.__module__]),
        }
    )
    torch.manual_seed(seed)
    model = model_class(settings, Grid.of(data), needed, model_class.facts(settings, data))
    place(model, device)
    model.train()
    model.prepare(data)
    run = _Run(model, training)
    run.resume(load_checkpoint(checkpoints, identity))
    with _interruptible() as interruption:
        for iteration in _progress(run.iteration, training.iterations, run.latest):
            run.step(iteration, subjects, seed)
            due = run.iteration % training.checkpoint_every == 0 and run.iteration < training.iterations
            if due or interruption.asked:
                save_checkpoint(checkpoints, run.iteration, {"identity": identity, **run.state()})
            if interruption.asked:
                print(f"interrupted after {run.iteration} iterations; run again to go on", file=sys.stderr)
                raise SystemExit(INTERRUPTED)
    run.use_average()
    assessed = TensorStore.open(validation) if validation is not None else data
    seen = sorted(
        {*subjects, *(subject for needed_model in needed.values() for subject in needed_model.seen)}
    )
    save_model(weights, model, settings.model_dump(mode="json"), seen, seed, needs)
    with atomic_file(history) as temporary:
        pd.DataFrame(run.rows).to_csv(temporary, index=False)
    write_json(
        record,
        {
            "kind": settings.kind,
            "iterations": training.iterations,
            "seconds": round(run.seconds, 2),
            "iterations_per_second": round(training.iterations / run.seconds, 3),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "threads": threads,
            "torch": torch.__version__,
            "seed": seed,
            "final_loss": run.rows[-1]["loss"],
            "assessed_on": "validation" if validation is not None else "training",
            "figures": model.assess(assessed),
            "seen": seen,
            "needs": {role: needed_model.identity for role, needed_model in needed.items()},
            "weights_sha256": sha256_file(weights),
        },
    )
    remove_checkpoints(checkpoints)


class _Run:
    """A training in progress: what changes from step to step."""

    def __init__(self, model: TrainableModel, training: TrainingSettings) -> None:
        self.model, self.training = model, training
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.average = [parameter.detach().clone() for parameter in self.parameters]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=training.learning_rate, weight_decay=training.weight_decay, betas=(0.9, 0.99)
        )
        self.iteration = 0
        self.seconds = 0.0
        self.rows: list[dict[str, float]] = []
        self._sums: dict[str, float] = {}
        self._summed = 0
        bfloat16 = model.device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._autocast = bfloat16 and training.precision == "auto"

    def step(self, iteration: int, subjects: list[str], seed: int) -> None:
        """One optimiser step; `iteration` counts from 0."""
        started = time.monotonic()
        generator = torch.Generator().manual_seed(_derive_seed(seed, iteration))
        torch.manual_seed(_derive_seed(seed, iteration))  # for layers that draw by themselves
        rate = learning_rate(self.training, iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        terms: dict[str, float] = {}
        drawn: list[int] = []
        for part in range(self.training.accumulation):
            position = iteration * self.training.accumulation + part
            indices = draw_indices(len(subjects), self.training.batch_size, position, seed)
            drawn += indices
            batch = {
                key: value.to(self.model.device)
                for key, value in self.model.batch(indices, generator).items()
            }
            with torch.autocast(self.model.device.type, torch.bfloat16, enabled=self._autocast):
                loss, parts = self.model.loss(batch, generator, iteration)
            (loss / self.training.accumulation).backward()
            for name, value in {"loss": float(loss.detach()), **parts}.items():
                terms[name] = terms.get(name, 0.0) + value / self.training.accumulation
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.training.gradient_clip)
        if not math.isfinite(terms["loss"]) or not torch.isfinite(norm):
            among = ", ".join(sorted({subjects[index] for index in drawn}))
            raise SynthaugError(
                f"{type(self.model).__name__}: the loss is {terms['loss']} with gradient norm {float(norm)} at "
                f"iteration {iteration}, on {among}; lower training.learning_rate or look at these subjects, "
                "the last checkpoint is kept"
            )
        self.optimiser.step()
        self.iteration = iteration + 1
        # Warm-up: an average that remembers the initialisation is useless in a short training.
        decay = min(self.training.ema_decay, (1 + iteration) / (10 + iteration))
        torch._foreach_lerp_(self.average, [parameter.detach() for parameter in self.parameters], 1 - decay)
        self.seconds += time.monotonic() - started
        self._log({**terms, "learning_rate": rate, "gradient_norm": float(norm)})

    def _log(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._summed += 1
        every = max(1, self.training.iterations // _LOG_ROWS)
        if self.iteration % every == 0 or self.iteration == self.training.iterations:
            means = {name: total / self._summed for name, total in self._sums.items()}
            self.rows.append({"iteration": self.iteration, **means})
            self._sums, self._summed = {}, 0

    def latest(self) -> str:
        """The last logged loss, for the progress line."""
        return f"loss {self.rows[-1]['loss']:.4g}" if self.rows else ""

    def state(self) -> dict[str, Any]:
        """Everything a later process needs to go on as if nothing had happened."""
        return {
            "iteration": self.iteration,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "rows": self.rows,
            "sums": self._sums,
            "summed": self._summed,
        }

    def resume(self, state: dict[str, Any] | None) -> None:
        """Take over a saved state; None starts from the beginning."""
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = [value.to(self.model.device) for value in state["average"]]
        self.iteration, self.seconds, self.rows = state["iteration"], state["seconds"], state["rows"]
        self._sums, self._summed = state["sums"], state["summed"]

    def use_average(self) -> None:
        """Put the averaged weights into the model, frozen."""
        with torch.no_grad():
            for parameter, averaged in zip(self.parameters, self.average, strict=True):
                parameter.copy_(averaged)
        self.model.requires_grad_(False).eval()


def learning_rate(training: TrainingSettings, iteration: int) -> float:
    """Learning rate of a step counted from 0: linear warm-up, then cosine decay."""
    if iteration < training.warmup_iterations:
        return training.learning_rate * (iteration + 1) / training.warmup_iterations
    after = max(training.iterations - training.warmup_iterations, 1)
    fraction = min((iteration - training.warmup_iterations) / after, 1.0)
    floor = training.final_learning_rate
    return training.learning_rate * (floor + (1 - floor) * (1 + math.cos(math.pi * fraction)) / 2)


def draw_indices(count: int, batch_size: int, position: int, seed: int) -> list[int]:
    """Rows of batch number `position`: every row once before any comes again."""
    indices = []
    for item in range(position * batch_size, (position + 1) * batch_size):
        epoch, place = divmod(item, count)
        indices.append(int(np.random.default_rng([seed, epoch]).permutation(count)[place]))
    return indices


def _derive_seed(seed: int, iteration: int) -> int:
    return int(np.random.SeedSequence([seed, iteration]).generate_state(1, np.uint64)[0] >> 1)


class _Interruption:
    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def _interruptible() -> Iterator[_Interruption]:
    """Turn signals to stop into a wish that the loop grants after the step it is in."""
    interruption = _Interruption()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = {number: signal.signal(number, interruption) for number in signals}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress(start: int, total: int, latest: Any) -> Iterator[int]:
    """Count iterations with a bar on a terminal and a line now and then elsewhere."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(range(start, total), initial=start, total=total, unit="it") as bar:
            for iteration in bar:
                yield iteration
                bar.set_postfix_str(latest(), refresh=False)
        return
    said = began = time.monotonic()
    for iteration in range(start, total):
        yield iteration
        now, done = time.monotonic(), iteration + 1
        if now - said > 10 or done == total:
            said, rate = now, (done - start) / max(now - began, 1e-9)
            left = (total - done) / rate
            print(
                f"{done} of {total} iterations, {rate:.2f} it/s, {left:.0f} s left, {latest()}",
                file=sys.stderr,
            )
