"""Checkpoints: written whole, read only where their checksum holds and they are of the same training."""

from __future__ import annotations

from pathlib import Path

from synthaug.core.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint


def test_only_intact_checkpoints_of_the_same_training_are_resumed(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, epoch, {"identity": "a", "epoch": epoch})
    files = sorted(tmp_path.glob("*.pt"))
    assert len(files) == 2  # the last two
    assert load_checkpoint(tmp_path, "a") == {"identity": "a", "epoch": 3}
    assert load_checkpoint(tmp_path, "b") is None
    files[-1].write_bytes(files[-1].read_bytes()[:-1])
    assert load_checkpoint(tmp_path, "a") == {"identity": "a", "epoch": 2}
    files[0].with_suffix(".sha256").unlink()  # cut short before its checksum was written
    assert load_checkpoint(tmp_path, "a") is None
    remove_checkpoints(tmp_path)
    assert not tmp_path.exists()
