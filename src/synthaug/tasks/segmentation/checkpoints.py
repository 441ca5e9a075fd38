"""Unfinished segmenter trainings: written whole, named by their hash, read only if it still holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthaug.core.artifacts import atomic_file, sha256_file

KEPT = 2  # the newest can be lost to a failing disk; the one before is then still there


def save_checkpoint(folder: str | Path, epoch: int, state: dict[str, Any]) -> None:
    """Save a state after `epoch` epochs and keep only the last ones.

    Parameters
    ----------
    folder : path
        Folder of this training's checkpoints; lies outside every declared output.
    epoch : int
        Finished epochs.
    state : dict
        Tensors, numbers, strings, lists and dicts of these.
    """
    import torch

    folder = Path(folder)
    with atomic_file(folder / ".newest.pt") as temporary:
        torch.save(state, temporary)
    newest = folder / f"epoch-{epoch:06d}-{sha256_file(folder / '.newest.pt')}.pt"
    (folder / ".newest.pt").replace(newest)
    for old in _checkpoints(folder)[:-KEPT]:
        old.unlink()


def load_checkpoint(folder: str | Path, identity: str) -> dict[str, Any] | None:
    """The newest intact state that belongs to this training, or None.

    Parameters
    ----------
    folder : path
        Folder of this training's checkpoints.
    identity : str
        What `state["identity"]` must be: a checkpoint of other data or settings is left aside.
    """
    import torch

    for file in reversed(_checkpoints(Path(folder))):
        if sha256_file(file) != file.stem.rsplit("-", 1)[1]:
            print(f"{file}: checksum does not match, trying an older checkpoint", flush=True)
            continue
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        if state["identity"] == identity:
            return state
        print(f"{file}: belongs to other data or settings, not used", flush=True)
    return None


def remove_checkpoints(folder: str | Path) -> None:
    """Remove the checkpoints of a finished training."""
    for file in _checkpoints(Path(folder)):
        file.unlink()


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.pt"))
