"""Checkpoints to resume a training from: atomic, checksummed, the last two kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from synthaug.core.artifacts import atomic_file, sha256_file, write_text
from synthaug.core.file_times import age_days
from synthaug.core.leftovers import DAYS, clear_left_behind, remove
from synthaug.core.process_identity import is_alive
from synthaug.jobs.lease import LEASE, holder_of

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
        Tensors, numbers, strings, lists and dicts of these, with ``"identity"`` of the training; see `load_checkpoint`.
    """
    path = folder / f"checkpoint-{steps:09d}.pt"
    with atomic_file(path) as temporary:
        torch.save(state, temporary)
    # The checksum comes last: a checkpoint without one was cut short and is not read.
    write_text(path.with_suffix(".sha256"), sha256_file(path))
    for old in sorted(folder.glob("checkpoint-*.pt"))[:-_KEPT]:
        old.with_suffix(".sha256").unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, identity: Mapping[str, str]) -> dict[str, Any] | None:
    """The newest whole checkpoint of the same training, or None; says which one, or why none.

    Parameters
    ----------
    folder : Path
        Where `save_checkpoint` wrote.
    identity : mapping of str to str
        What the state's ``"identity"`` must be, by what it identifies: hashes of settings, data and code. A
        checkpoint that differs in any of them is left aside.
    """
    clear_left_behind(folder)
    for path in sorted(folder.glob("checkpoint-*.pt"), reverse=True):
        checksum = path.with_suffix(".sha256")
        if not checksum.is_file() or checksum.read_text() != sha256_file(path):
            print(f"{path}: checksum does not match, trying an older checkpoint", file=sys.stderr)
            continue
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        changed = [name for name, value in identity.items() if state["identity"].get(name) != value]
        if not changed:
            print(f"resuming after {steps_of(path)} steps: {path}", file=sys.stderr)
            return state
        print(f"{path}: not used, it is of other {' and '.join(changed)}", file=sys.stderr)
    return None


def steps_of(path: Path) -> int:
    """Finished steps of a checkpoint, by its name."""
    return int(path.stem.removeprefix("checkpoint-"))


def clear_abandoned(folder: Path) -> None:
    """Remove checkpoints of a training's earlier settings, beside those of the present ones.

    Parameters
    ----------
    folder : Path
        Folder of the training's checkpoints, named by its settings. Those beside it go once they did not change for
        `synthaug.core.leftovers.DAYS`: until then the settings may be set back.
    """
    for other in folder.parent.glob("*"):
        if other != folder and other.is_dir() and age_days(other) > DAYS and not _is_at_work(other):
            remove(other)
            print(
                f"{other}: removed, checkpoints of other settings, unchanged for {DAYS} days", file=sys.stderr
            )


def _is_at_work(folder: Path) -> bool:
    """Whether a process of this machine trains in a folder; how old its files look says little after a clock jumped."""
    return any((holder := holder_of(lease)) and is_alive(holder) for lease in folder.rglob(LEASE))


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, and the folder where nothing else is in it."""
    for path in [*folder.glob("checkpoint-*.pt"), *folder.glob("checkpoint-*.sha256")]:
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
