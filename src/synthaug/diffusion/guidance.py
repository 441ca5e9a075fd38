"""Classifier-free guidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def guided(predictions: Tensor, scale: float) -> Tensor:
    """Prediction moved away from what the network says without conditions.

    Parameters
    ----------
    predictions : Tensor, shape (2 b, ...)
        Of the network with the conditions, then with their learned nulls.
    scale : float
        1 is the conditional prediction, 0 the unconditional one.

    References
    ----------
    Ho and Salimans, Classifier-free diffusion guidance, 2022.
    """
    conditional, unconditional = predictions.chunk(2)
    return unconditional + scale * (conditional - unconditional)


def twice(part: Any) -> Any:
    """Tensors (b, ...), or a mapping of them, as (2 b, ...): for both predictions of guidance in one pass."""
    if isinstance(part, Mapping):
        return {name: twice(value) for name, value in part.items()}
    return torch.cat([part, part])
