"""Classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def guide(conditional: Callable[[], Tensor], unconditional: Callable[[], Tensor], scale: float) -> Tensor:
    """Prediction moved away from what the network says without conditions.

    Parameters
    ----------
    conditional, unconditional : callable
        Evaluate the network with the conditions and with their learned nulls.
    scale : float
        1 is the conditional prediction, 0 the unconditional one; then the other is not evaluated.

    References
    ----------
    Ho and Salimans, Classifier-free diffusion guidance, 2022.
    """
    if scale == 0:
        return unconditional()
    given = conditional()
    if scale == 1:
        return given
    free = unconditional()
    return free + scale * (given - free)
