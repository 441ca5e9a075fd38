"""Two steps of a line fit, in this process or in as many as torchrun starts: what each saw.

``torchrun line_fit.py FOLDER BROKEN`` writes it as JSON; in the second step process number BROKEN has a loss
that is not a number.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.jobs.interruption import Interruption
from synthaug.models.base import Grid, TrainableModel
from synthaug.training.devices import compile_parts, make_accelerator
from synthaug.training.loop import Loop

SUBJECTS = [f"s{number}" for number in range(8)]
TRAINING = TrainingSettings(
    iterations=2, batch_size=4, accumulation=2, warmup_iterations=0, learning_rate=0.1, gradient_clip=1e6
)


class Line(TrainableModel):
    """y = 3 x - 1 at x = 0 .. 7, fitted without noise; every item weighs the same."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(), Grid(1, 1, 1, 1, (1, 1, 1)), {})
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        nn.init.zeros_(self.network.bias)
        self.register_buffer("drawn", torch.zeros(()))
        self.seen: list[list[int]] = []
        self.buffers_seen: list[float] = []
        self.broken = False

    def prepare(self, store):
        pass

    def batch(self, indices, generator):
        self.seen.append(indices)
        return {"x": torch.tensor(indices).float()[:, None]}

    def loss(self, batch, generator, iteration):
        self.buffers_seen.append(float(self.drawn))
        self.drawn.copy_(torch.rand((), generator=generator))
        error = self.network(batch["x"]) - (3 * batch["x"] - 1)
        return error.square().mean() * (float("nan") if self.broken else 1.0), {}


def fit(broken: int = -1, compile: str = "off") -> dict[str, object]:
    """Do both steps and tell what this process saw."""
    accelerator = make_accelerator("float32")
    model = Line()
    compiled = compile_parts(model, TRAINING.model_copy(update={"compile": compile}))
    loop = Loop(model, TRAINING, accelerator)
    loop.step(0, SUBJECTS, 0, Interruption())
    gradient = [parameter.grad.item() for parameter in model.parameters()]
    weights = [parameter.item() for parameter in model.parameters()]
    model.broken = accelerator.process_index == broken
    error = ""
    try:
        loop.step(1, SUBJECTS, 0, Interruption())
    except SynthaugError as caught:
        error = str(caught)
    accelerator.end_training()
    return {
        "process": accelerator.process_index,
        "gradient": gradient,
        "weights": weights,
        "seen": model.seen,
        "buffers": model.buffers_seen,
        "error": error,
        "compiled": compiled and model.network._compiled_call_impl is not None,
        "names": list(model.state_dict()),
    }


if __name__ == "__main__":
    told = fit(int(sys.argv[2]))
    Path(sys.argv[1], f"{told['process']}.json").write_text(json.dumps(told))
