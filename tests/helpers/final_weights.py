"""What batch normalisation sees when the statistics of a trained model are taken anew."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthaug.data.store import TensorStore
from synthaug.models.base import TrainableModel


def features_after_finish(
    model: TrainableModel, before: nn.Module, standardise: nn.Module, store: TensorStore
) -> Tensor:
    """Features (n, d) that `standardise` sees in `finish`, with other weights `before` it than those of a step, twice as large.

    So do averaged weights differ from those with which the steps gathered running means.
    """
    generator = torch.Generator().manual_seed(1)
    model.train()
    model.loss(model.batch([0, 1, 2, 3], generator), generator, 0)
    with torch.no_grad():
        for parameter in before.parameters():
            parameter.mul_(2)
    seen: list[Tensor] = []
    standardise.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.eval()
    model.finish(store)
    return torch.cat(seen)
