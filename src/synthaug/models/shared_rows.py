"""Work on the subjects of a fold that the processes of a training share, such as encoding their cines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, distributed


def shared_rows(count: int, arrays: Sequence[Tensor], device: torch.device) -> Iterator[int]:
    """Rows of some arrays that this process fills; when the iteration is over, the others have filled the rest.

    Processes take turns: after each round all of them have its rows. Without others, this one takes all rows.

    Parameters
    ----------
    count : int
        Rows.
    arrays : sequence of Tensor, shape (count, ...)
        On the CPU, the same shapes and types in all processes; may be views. A row has to be filled before the next is asked for.
    device : torch.device
        That the processes exchange over: their GPU, or the CPU.

    Yields
    ------
    int
        A row; every process has to go on to the end, or the others wait.
    """
    together = distributed.is_initialized()
    process, processes = (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)
    for first in range(0, count, processes):
        if first + process < count:
            yield first + process
        if processes > 1:
            for row in range(first, min(first + processes, count)):
                for array in arrays:
                    _send(array[row], row - first, process, device)


def _send(part: Tensor, owner: int, process: int, device: torch.device) -> None:
    """Bring a part of an array from the process that has filled it to all others."""
    sent = torch.empty(part.shape, dtype=part.dtype, device=device)
    if process == owner:
        sent.copy_(part)
    # As bytes: NCCL does not know every type.
    distributed.broadcast(sent.flatten().view(torch.uint8), src=owner)
    if process != owner:
        part.copy_(sent)
