"""Where and how a training computes: device, precision, compilation, and the other processes.

Processes, gradient averaging and loss scaling are accelerate's. docs/dependencies.md says why.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from synthaug.config.training import TrainingSettings
from synthaug.core.errors import SynthaugError
from synthaug.models.base import TrainableModel

_MIXED = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


class LossModule(nn.Module):
    """A model's loss as a forward pass: what is wrapped to average gradients hooks into no other call."""

    def __init__(self, model: TrainableModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """As `TrainableModel.loss`."""
        return self.model.loss(batch, generator, iteration)


def precision_of(training: TrainingSettings) -> str:
    """Precision of the forward pass on this machine: ``float32``, ``bfloat16`` or ``float16``.

    Raises
    ------
    SynthaugError
        float16 without a GPU, whose small numbers nothing would rescale; bfloat16 on a GPU without it.
    """
    gpu = torch.cuda.is_available()
    precision = training.precision
    if precision == "auto":
        return "bfloat16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if precision == "float16" and not gpu:
        raise SynthaugError("training.precision: float16 needs a GPU, and none is visible; set auto")
    if precision == "bfloat16" and gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise SynthaugError(
            f"training.precision: {torch.cuda.get_device_name()} has no bfloat16; take float16 or auto"
        )
    return precision


def make_accelerator(precision: str) -> Accelerator:
    """This process's device, and the group of processes where torchrun started several.

    Raises
    ------
    SynthaugError
        More processes than GPUs.
    """
    gpus, processes = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if 0 < gpus < processes:
        raise SynthaugError(
            f"{processes} GPUs requested, {gpus} visible; lower train_model: gpu in the profile's set-resources, or "
            "check the cluster's allocation"
        )
    # accelerate keeps its state for the life of a process; a second training may use another precision.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(
        cpu=not torch.cuda.is_available(),
        mixed_precision=_MIXED[precision],
        # A part of a model may sit out a step (a term that starts late), and on one process only.
        # Buffers follow the first process by default.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def compile_parts(model: TrainableModel, training: TrainingSettings) -> bool:
    """Compile a model's networks if the settings require it; returns whether it did.

    Only the calls of its direct parts are compiled, in place: names in the state stay as they are, and
    what a loss draws and logs stays plain Python. A part of which only methods are called is not: `compiled_graphs`
    says whether anything was.

    Raises
    ------
    SynthaugError
        ``compile: on`` where a compiler is missing.
    """
    wanted = compiles("training.compile", training.compile, model.device)
    if wanted:
        for part in model.children():
            part.compile()
    return wanted


def compiled_graphs() -> int:
    """Graphs that this process has compiled so far: none where a model calls its parts by other names than their own."""
    return (
        int(torch._dynamo.utils.counters["stats"]["unique_graphs"]) if "torch._dynamo" in sys.modules else 0
    )


def compiles(key: str, choice: str, device: torch.device) -> bool:
    """Whether a training compiles its networks.

    Parameters
    ----------
    key : str
        Of the study file, for the message.
    choice : str
        ``on``, ``off`` or ``auto``: on a GPU with triton and a C compiler.
    device : torch.device
        That it trains on.

    Raises
    ------
    SynthaugError
        ``on`` where a compiler is missing.
    """
    missing = _missing_to_compile(device)
    if choice == "on" and missing:
        raise SynthaugError(f"{key}: on needs {missing}; install it, or set off")
    return choice == "on" or (choice == "auto" and device.type == "cuda" and not missing)


def _missing_to_compile(device: torch.device) -> str:
    """What `torch.compile` lacks on this machine; empty where it can work."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton"
    if device.type == "cuda":
        language, variable, programs = "C", "CC", ("gcc", "cc", "clang")
    else:
        language, variable, programs = "C++", "CXX", ("g++", "c++", "clang++")
    found = any(shutil.which(program) for program in (os.environ.get(variable, ""), *programs))
    return "" if found else f"a {language} compiler"


def describe(accelerator: Accelerator) -> dict[str, Any]:
    """Device and number of processes, for the record."""
    device = accelerator.device
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processes": accelerator.num_processes,
    }
