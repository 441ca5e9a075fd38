"""The backward pass of a fake GPU: PyTorch's own formulas, walked through without its engine, which asks for a driver."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def backward(loss: Tensor) -> None:
    """Add the gradients of a loss, a number, to those of the parameters; as ``loss.backward()``.

    Raises
    ------
    RuntimeError
        A gradient lies on another device than what it is of, or a formula mixes devices.
    """
    with torch.no_grad():
        _walk(loss, {})


def gradients(target: Tensor, inputs: Sequence[Tensor], create_graph: bool = False) -> list[Tensor]:
    """Gradients of a number with respect to results of operations; as ``torch.autograd.grad``."""
    found: dict[tuple[Any, int], Tensor] = {(part.grad_fn, part.output_nr): part for part in inputs}
    with torch.set_grad_enabled(create_graph):
        reached = _walk(target, found)
    return [reached.get((part.grad_fn, part.output_nr), torch.zeros_like(part)) for part in inputs]


def _walk(loss: Tensor, wanted: dict[tuple[Any, int], Tensor]) -> dict[tuple[Any, int], Tensor]:
    """Run the formulas of the graph behind a number, the latest first; the gradients that are wanted."""
    root: Any = loss.grad_fn
    on_path = _leading_to({node for node, _ in wanted}, root) if wanted else None
    waiting: Counter[Any] = Counter()  # formulas that have yet to say what they give to one
    found, left = {root}, [root]
    while left:
        for following, _ in left.pop().next_functions:
            if following is not None and (on_path is None or following in on_path):
                waiting[following] += 1
                if following not in found:
                    found.add(following)
                    left.append(following)
    given: dict[Any, list[Tensor | None]] = {root: [torch.ones_like(loss)]}
    reached: dict[tuple[Any, int], Tensor] = {}
    ready = [(-root._sequence_nr(), 0, root)]
    count = 0
    while ready:
        *_, node = heapq.heappop(ready)
        own = given.pop(node, [])
        reached |= {
            (node, place): part
            for place, part in enumerate(own)
            if part is not None and (node, place) in wanted
        }
        if hasattr(node, "variable"):
            if own and own[0] is not None and not wanted:
                node.variable.grad = own[0] if node.variable.grad is None else node.variable.grad + own[0]
            continue
        nothing = (None,) * len(node.next_functions)
        formula = node if callable(node) else node.apply  # of a function written in Python
        results = formula(*own) if any(part is not None for part in own) else nothing
        results = results if isinstance(results, tuple) else (results,)
        for (following, place), result in zip(node.next_functions, results, strict=False):
            if following not in waiting:
                continue
            if result is not None:
                parts = given.setdefault(following, [None] * len(following._input_metadata))
                result = _fitted(node, result, following._input_metadata[place])
                before = parts[place]
                parts[place] = result if before is None else before + result
            waiting[following] -= 1
            if not waiting[following]:
                count += 1
                heapq.heappush(ready, (-following._sequence_nr(), count, following))
    return reached


def _leading_to(targets: set[Any], root: Any) -> set[Any]:
    """Formulas behind a root on whose results some targets depend, with the targets."""
    before: dict[Any, list[Any]] = {root: []}
    left = [root]
    while left:
        node = left.pop()
        for following, _ in node.next_functions:
            if following is not None:
                if following not in before:
                    before[following] = []
                    left.append(following)
                before[following].append(node)
    reached, left = set(targets), list(targets)
    while left:
        for node in before.get(left.pop(), []):
            if node not in reached:
                reached.add(node)
                left.append(node)
    return reached


def _fitted(node: Any, gradient: Tensor, like: Any) -> Tensor:
    """A gradient in the shape and type of what it is of, as the engine makes it."""
    if gradient.device != like.device:
        raise RuntimeError(f"{node.name()}: a gradient on {gradient.device} of something on {like.device}")
    if gradient.shape != tuple(like.shape):
        gradient = gradient.sum_to_size(tuple(like.shape))
    return gradient if gradient.dtype == like.dtype else gradient.to(like.dtype)
