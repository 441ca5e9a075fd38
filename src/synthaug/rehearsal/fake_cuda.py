"""A GPU without a GPU: tensors on "cuda" have shapes and types but no values, those on the CPU are real.

An operation that mixes the two, or that reads a value of the GPU on the host, is refused: on a GPU the first is an
error, and the second makes the host wait.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from synthaug.diffusion import draws

#: Operations that may copy between host and GPU; in inference mode `to` is not translated to the others.
_COPYING = (torch.ops.aten._to_copy, torch.ops.aten.copy_, torch.ops.aten.to)


class FakeCuda(TorchDispatchMode):
    """Context in which ``device="cuda"`` works on any machine; PyTorch's own fake tensors, made for compiling.

    Autograd's engine is not possible in it, which asks the driver for its devices; `backward` walks through the same formulas.

    Attributes
    ----------
    copies : int
        Tensors copied from the GPU to the host so far.
    uploads : int
        Tensors copied from the host to the GPU so far in a way that makes the host wait, which is any but with
        ``non_blocking=True``.
    upload_bytes : int
        Bytes copied from the host to the GPU so far, waited for or not.
    host_draws, gpu_draws : int
        Random numbers drawn on the host and on the GPU so far; not those of dropout layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self._fake = FakeTensorMode()
        self._drawing = patch.object(draws, "generator_on", _no_generator)
        self.copies = self.uploads = self.upload_bytes = self.host_draws = self.gpu_draws = 0

    def __enter__(self) -> FakeCuda:
        self._fake.__enter__()  # while it is active, PyTorch does not look for a driver
        self._drawing.start()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._drawing.stop()
        self._fake.__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:  # asked all the time
            return args[0].device
        leaves = tree_leaves((args, kwargs))
        cuda = [leaf for leaf in leaves if isinstance(leaf, torch.device) and leaf.type == "cuda"]
        if not cuda and not any(isinstance(leaf, FakeTensor) for leaf in leaves):
            with unset_fake_temporarily():
                result = func(*args, **kwargs)
            if _draws(func):
                self.host_draws += _count(result)
            return result
        # What fake tensors by themselves let pass.
        if any(isinstance(leaf, torch.Generator) and leaf.device.type != "cuda" for leaf in leaves):
            raise RuntimeError(f"{func}: a generator on the CPU draws on the GPU")
        indexed = func.overloadpacket in (torch.ops.aten.index, torch.ops.aten.index_put_)
        if indexed and args[0].device.type == "cpu":
            raise RuntimeError(f"{func}: a tensor on the CPU is indexed by one on the GPU")
        if any(isinstance(leaf, torch.Tensor) and not isinstance(leaf, FakeTensor) for leaf in leaves):
            args, kwargs = tree_map(self._faked, args), tree_map(self._faked, kwargs)
        result = func(*args, **kwargs)
        if _draws(func):
            self.gpu_draws += _count(result)
        if indexed:
            places = [leaf for leaf in tree_leaves(args[1]) if _on_cpu(leaf)]
            self.uploads += bool(places)
            self.upload_bytes += sum(place.nbytes for place in places)
        elif func.overloadpacket in _COPYING:
            source = args[1] if func.overloadpacket is torch.ops.aten.copy_ else args[0]
            place = [argument.name for argument in func._schema.arguments].index("non_blocking")
            waits = not (args[place] if len(args) > place else kwargs.get("non_blocking", False))
            self.copies += not _on_cpu(source) and _on_cpu(result)
            if _on_cpu(source) and not _on_cpu(result):
                self.uploads += waits
                self.upload_bytes += source.nbytes
        return result

    def _faked(self, leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or isinstance(leaf, FakeTensor):
            return leaf
        with unset_fake_temporarily():
            return self._fake.from_tensor(leaf)


@cache
def _draws(func: Any) -> bool:
    """Whether an operation gives random numbers, and not what dropout leaves of its input."""
    seeded = torch.Tag.nondeterministic_seeded in func.tags
    return seeded and not any(word in func.name() for word in ("attention", "dropout"))


def _count(result: Any) -> int:
    return sum(leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor))


def _no_generator(device: torch.device, seed: int) -> None:
    """In the place of a GPU's own generator, which is not made without a driver."""


def _on_cpu(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.device.type == "cpu"


def move(model: nn.Module) -> None:
    """Move a model of real weights, and what lies `beside` it, to the fake GPU, inside `FakeCuda`."""
    for part in getattr(model, "beside", ()):
        move(part)
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(_like(parameter), parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = _like(buffer)


def _like(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cuda")
