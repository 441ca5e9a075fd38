"""One training step on the fake GPU of `synthaug.rehearsal`, and a look at what it read on the host."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.utils._pytree import tree_map

from synthaug.config.training import TrainingSettings
from synthaug.jobs.interruption import Interruption
from synthaug.rehearsal.backward import backward
from synthaug.rehearsal.fake_cuda import FakeCuda
from synthaug.rehearsal.step_cost import without_driver
from synthaug.training import loop as training_loop


def step_once(
    model: Any,
    training: TrainingSettings,
    iteration: int,
    subjects: list[str],
    monkeypatch: pytest.MonkeyPatch,
    half: bool = False,
    gpu: FakeCuda | None = None,
) -> list[torch.Tensor]:
    """Take a step of the loop with a prepared model, inside `FakeCuda`; the averaged weights are taken over after it.

    With `gpu`, a new loop goes on from the step's checkpoint; what that copies is not counted.

    Forward passes are in bfloat16 with `half`, as on a GPU with `precision: auto`, else in float32.

    Returns
    -------
    list of Tensor
        What the step read on the host, in the one place that may wait for the GPU.
    """
    read: list[torch.Tensor] = []

    def read_on_host(parts):
        read.extend(value for part in parts for value in part.values())
        return [dict.fromkeys(part, 1.0) for part in parts]

    def walk(accelerator, loss):
        assert loss.device.type == "cuda" and loss.requires_grad and loss.ndim == 0
        backward(loss)

    loss_of = model.loss

    def loss(*given):
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            return loss_of(*given)

    monkeypatch.setattr(training_loop, "read_on_host", read_on_host)
    monkeypatch.setattr(Accelerator, "backward", walk)
    monkeypatch.setattr(model, "loss", loss)
    AcceleratorState._reset_state(reset_partial_state=True)
    loop = training_loop.Loop(model, training, Accelerator(cpu=True, device_placement=False))
    with without_driver():
        loop.step(iteration, subjects, 0, Interruption())
    if gpu is not None:
        counted = gpu.copies, gpu.uploads
        go_on(model, training, loop.state())
        gpu.copies, gpu.uploads = counted
    loop.use_average()
    return read


def go_on(model: Any, training: TrainingSettings, state: dict[str, Any]) -> None:
    """Resume from a state as it is read from a disk, on the CPU: all that a step computes with is on the GPU again."""

    def stored(part: Any) -> Any:
        return torch.zeros_like(part, device="cpu") if isinstance(part, torch.Tensor) else part

    again = training_loop.Loop(model, training, Accelerator(cpu=True, device_placement=False))
    again.resume(tree_map(stored, state))
    assert again.iteration == state["iteration"] and again.resumed_at == [again.iteration]
    kept = again.state()
    moments = [
        value for own in kept["optimiser"]["state"].values() for name, value in own.items() if name != "step"
    ]
    assert len(moments) == 2 * len(state["optimiser"]["state"]) > 0
    assert {value.device.type for value in (*moments, *kept["average"])} == {"cuda"}
