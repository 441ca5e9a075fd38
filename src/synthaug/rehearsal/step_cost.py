"""What one training step takes on a GPU: arithmetic, and memory by what holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
from monai.losses.adversarial_loss import PatchAdversarialLoss
from torch import Tensor, nn
from torch.nn import functional

from synthaug.config.training import TrainingSettings
from synthaug.models.base import TrainableModel
from synthaug.networks.attention import LAUNCHED
from synthaug.rehearsal.backward import backward, gradients
from synthaug.rehearsal.meter import Meter

#: Values of a trained parameter that stay on the GPU: itself, gradient, two moments of AdamW, moving average.
_COPIES = 5
_DRAWS = 4  # batches, of which the largest counts: some models draw clips of several forms
_HALF = {"auto": torch.bfloat16, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class StepCost:
    """What a training step takes.

    Attributes
    ----------
    parameters : int
        Trained values.
    flops : float
        Floating-point operations of all forward and backward passes of a step.
    weight_bytes : int
        Weights of the model and of the models it needs; gradients, moments and average of the trained ones.
    activation_bytes : int
        What a forward pass keeps for its backward pass, with the batch.
    """

    parameters: int
    flops: float
    weight_bytes: int
    activation_bytes: int

    @property
    def memory_bytes(self) -> int:
        """Weights and activations together; buffers that live for a moment are not in it."""
        return self.weight_bytes + self.activation_bytes


def count_step(model: TrainableModel, training: TrainingSettings, subjects: int) -> StepCost:
    """Count the last step of a training with a prepared model on the fake GPU, inside `FakeCuda`.

    Parameters
    ----------
    model : TrainableModel
        In training mode.
    training : TrainingSettings
        Its optimisation; `precision: auto` is bfloat16.
    subjects : int
        How many it was prepared with.
    """
    rows = [index % subjects for index in range(training.batch_size)]
    drawn = [model.batch(rows, torch.Generator().manual_seed(seed)) for seed in range(_DRAWS)]
    largest = max(drawn, key=lambda batch: sum(storages(batch.values()).values()))
    batch = {key: value.to("cuda") for key, value in largest.items()}
    weights = storages(tensor for part in with_needs([model]) for tensor in tensors_of(part))

    def loss_of() -> Tensor:
        return model.loss(batch, torch.Generator().manual_seed(0), training.iterations - 1)[0]

    flops, kept = count_passes(loss_of, batch.values(), _HALF.get(training.precision))
    model.zero_grad(set_to_none=True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    extra = (_COPIES - 1) * sum(parameter.numel() * parameter.element_size() for parameter in trained)
    return StepCost(
        sum(parameter.numel() for parameter in trained),
        float(training.accumulation * flops),
        sum(weights.values()) + extra,
        sum(size for key, size in kept.items() if key not in weights),
    )


def count_passes(
    loss_of: Callable[[], Tensor], batch: Iterable[Any], half: torch.dtype | None
) -> tuple[int, dict[int, int]]:
    """Compute a loss and its gradients on the fake GPU, inside `FakeCuda`.

    Parameters
    ----------
    loss_of : callable
        Gives the loss.
    batch : iterable
        What it is of.
    half : torch.dtype or None
        What the forward pass is in; None is float32.

    Returns
    -------
    flops : int
        Floating-point operations of both passes.
    kept : dict of int to int
        Bytes of each storage that the forward pass keeps for the backward pass, weights among them, and of the batch.
    """
    kept = storages(batch)

    def keep(tensor: Tensor) -> Tensor:
        kept.update(storages([tensor]))
        return tensor

    with (
        without_driver(),
        Meter() as meter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        with torch.autocast("cuda", half, enabled=half is not None):
            loss = loss_of()
        backward(loss)
    return meter.flops, kept


@contextmanager
def without_driver() -> Iterator[None]:
    """Stand-ins for what asks the driver of a GPU even for fake tensors.

    Gradients inside a loss are those of `gradients`, targets of an adversary are made as MONAI makes them, autocast is possible, and
    attention is the fused kernel that a GPU would choose.
    """
    with (
        patch.object(torch.autograd, "grad", gradients),
        patch.object(PatchAdversarialLoss, "get_target_tensor", _targets),
        patch.object(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
        patch.object(torch.cuda, "is_bf16_supported", lambda **_: True),
        patch.object(functional, "scaled_dot_product_attention", _fused_attention),
    ):
        yield


def _targets(criterion: PatchAdversarialLoss, images: Tensor, is_real: bool) -> Tensor:
    return torch.full_like(images, criterion.real_label if is_real else criterion.fake_label)


def _fused_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Flash attention in half precision without a mask, else the memory-efficient kernel, which takes one; within CUDA's grids."""
    if max(query.shape[:2]) > LAUNCHED:
        raise RuntimeError(f"CUDA error: invalid configuration argument: attention of {tuple(query.shape)}")
    half = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
    if half is not None:
        query, key, value = (tensor.to(half) for tensor in (query, key, value))
    if attn_mask is None and half is not None:
        attended: Tensor = torch.ops.aten._scaled_dot_product_flash_attention(
            query, key, value, dropout_p, is_causal, scale=scale
        )[0]
        return attended
    bias = attn_mask
    if bias is not None:
        if bias.dtype == torch.bool:
            bias = torch.zeros_like(bias, dtype=query.dtype).masked_fill(~bias, -torch.inf)
        bias = bias.to(query).expand(*query.shape[:-1], key.shape[-2])
    efficient: Tensor = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, True, dropout_p, is_causal, scale=scale
    )[0]
    return efficient


def tensors_of(module: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers of a module, and of what lies `beside` it."""
    for part in (module, *getattr(module, "beside", ())):
        yield from part.parameters()
        yield from part.buffers()


def with_needs(models: Iterable[TrainableModel]) -> Iterator[TrainableModel]:
    """Models and, again and again, those that they need: what loading one puts on the GPU."""
    for model in models:
        yield model
        yield from with_needs(model.needs.values())


def storages(values: Iterable[Any]) -> dict[int, int]:
    """Bytes of each storage behind the tensors among values; a view keeps all of its storage."""
    found = {}
    for tensor in values:
        if not isinstance(tensor, Tensor):  # a batch of sentences
            continue
        storage = tensor.untyped_storage()
        found[storage._cdata] = storage.nbytes()
    return found
