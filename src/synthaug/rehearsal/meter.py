"""What a computation on the fake GPU takes: arithmetic, and the memory that it holds at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class _Taken:
    """Of a computation that is not done again: floating-point operations, bytes beyond those it found, the result."""

    flops: int
    extra: int
    shapes: Any


class Meter(TorchDispatchMode):
    """Context that counts floating-point operations and follows the bytes of the tensors on the GPU.

    Operations are those that PyTorch's counter knows: products of matrices, convolutions, attention. Memory is that of
    tensors; what a kernel uses while it runs is not in it.

    Parameters
    ----------
    there : iterable of Tensor
        What lies on the GPU already.

    Attributes
    ----------
    flops : int
        Floating-point operations so far.
    live, peak : int
        Bytes of the tensors on the GPU now, and at most so far.
    """

    def __init__(self, there: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.flops = self.live = self.peak = 0
        self._sizes: dict[int, int] = {}
        self._taken: dict[Hashable, _Taken] = {}
        for tensor in there:
            self._follow(tensor)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.prim.device.default:  # asked all the time
            return result
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        for leaf in result if isinstance(result, tuple | list) else (result,):
            if isinstance(leaf, Tensor):
                self._follow(leaf)
        return result

    def _follow(self, tensor: Tensor) -> None:
        if tensor.device.type != "cuda":
            return
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.live += self._sizes[key]
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._forget, key).atexit = False

    def _forget(self, key: int) -> None:
        self.live -= self._sizes.pop(key)

    def once(
        self, compute: Callable[..., Any], key: Callable[..., Hashable] = lambda *_: None
    ) -> Callable[..., Any]:
        """The same function, computed once for each key of its arguments; a further call takes and gives the like.

        The result has the shapes of the first one. Exact where a call takes the same whatever the values are, and where it
        keeps nothing but its result.
        """

        def computed(*args: Any, **kwargs: Any) -> Any:
            name = key(*args, **kwargs)
            taken = self._taken.get(name)
            if taken is None:
                flops, found, peak = self.flops, self.live, self.peak
                self.peak = found
                result = compute(*args, **kwargs)
                shapes = tree_map_only(Tensor, _Shape.of, result)
                self._taken[name] = _Taken(self.flops - flops, self.peak - found, shapes)
                self.peak = max(self.peak, peak)
                return result
            self.flops += taken.flops
            self.peak = max(self.peak, self.live + taken.extra)
            return tree_map_only(_Shape, _Shape.made, taken.shapes)

        return computed


@dataclass(frozen=True)
class _Shape:
    """What of a tensor without values is kept."""

    size: torch.Size
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: Tensor) -> _Shape:
        return cls(tensor.shape, tensor.dtype, tensor.device)

    def made(self) -> Tensor:
        return torch.empty(self.size, dtype=self.dtype, device=self.device)


def bytes_of(values: Iterable[Any]) -> int:
    """Bytes of the storages behind the tensors among values, each once."""
    found = {}
    for tensor in tree_leaves(list(values)):
        if isinstance(tensor, Tensor):
            storage = tensor.untyped_storage()
            found[storage._cdata] = storage.nbytes()
    return sum(found.values())
