"""Checkpoints to resume a training from: atomic, checksummed, the last two kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from synthaug.core.artifacts import atomic_file, sha256_file, write_text

_KEPT = 2


def save_checkpoint(folder: Path, iteration: int, state: dict[str, Any]) -> None:
    """Write the state after `iteration` steps and remove all but the last two."""
    path = folder / f"checkpoint-{iteration:09d}.pt"
    with atomic_file(path) as temporary:
        torch.save(state, temporary)
    # The checksum comes last: a checkpoint without one was cut short and is not read.
    write_text(path.with_suffix(".sha256"), sha256_file(path))
    for old in sorted(folder.glob("checkpoint-*.pt"))[:-_KEPT]:
        old.with_suffix(".sha256").unlink(missing_ok=True)
        old.unlink()


def load_checkpoint(folder: Path, identity: str) -> dict[str, Any] | None:
    """The newest whole checkpoint of the same training, or None.

    Parameters
    ----------
    folder : Path
        Where `save_checkpoint` wrote.
    identity : str
        What the state's ``"identity"`` must be; others are of another training and are left.
    """
    for path in sorted(folder.glob("checkpoint-*.pt"), reverse=True):
        checksum = path.with_suffix(".sha256")
        if checksum.is_file() and checksum.read_text() == sha256_file(path):
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            if state["identity"] == identity:
                return state
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, and the folder where nothing else is in it."""
    for path in [*folder.glob("checkpoint-*.pt"), *folder.glob("checkpoint-*.sha256")]:
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
