"""Checkpoints to resume a training from: atomic, checksummed, the last two kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from synthaug.core.artifacts import atomic_file, sha256_file, write_text

_KEPT = 2  # the newest can be lost to a failing disk


def save_checkpoint(folder: Path, steps: int, state: dict[str, Any]) -> None:
    """Write the state after so many steps and remove all but the last two.

    Parameters
    ----------
    folder : Path
        Folder of this training's checkpoints, outside every declared output.
    steps : int
        Finished iterations or epochs.
    state : dict
        Tensors, numbers, strings, lists and dicts of these, with ``"identity"`` of the training.
    """
    path = folder / f"checkpoint-{steps:09d}.pt"
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
        What the state's ``"identity"`` must be; a checkpoint of other data or settings is left aside.
    """
    for path in sorted(folder.glob("checkpoint-*.pt"), reverse=True):
        checksum = path.with_suffix(".sha256")
        if not checksum.is_file() or checksum.read_text() != sha256_file(path):
            print(f"{path}: checksum does not match, trying an older checkpoint", file=sys.stderr)
            continue
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["identity"] == identity:
            return state
        print(f"{path}: belongs to other data or settings, not used", file=sys.stderr)
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, and the folder where nothing else is in it."""
    for path in [*folder.glob("checkpoint-*.pt"), *folder.glob("checkpoint-*.sha256")]:
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
