"""Checkpoints: written whole, read only where their checksum holds and they are of the same training."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.jobs.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint

A, B = {"settings": "1", "data": "2"}, {"settings": "1", "data": "3"}


def test_only_intact_checkpoints_of_the_same_training_are_resumed(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        save_checkpoint(tmp_path, epoch, {"identity": A, "epoch": epoch})
    files = sorted(tmp_path.glob("*.pt"))
    assert len(files) == 2  # the last two
    assert load_checkpoint(tmp_path, A) == {"identity": A, "epoch": 3}
    assert load_checkpoint(tmp_path, B) is None
    files[-1].write_bytes(files[-1].read_bytes()[:-1])
    assert load_checkpoint(tmp_path, A) == {"identity": A, "epoch": 2}
    files[0].with_suffix(".sha256").unlink()  # cut short before its checksum was written
    assert load_checkpoint(tmp_path, A) is None
    remove_checkpoints(tmp_path)
    assert not tmp_path.exists()


def test_it_says_from_where_a_training_goes_on_and_what_differs_where_it_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path, 12, {"identity": A})
    load_checkpoint(tmp_path, A)
    assert "resuming after 12 steps: " in capsys.readouterr().err
    load_checkpoint(tmp_path, B)
    assert capsys.readouterr().err.endswith("000012.pt: not used, it is of other data\n")
    load_checkpoint(tmp_path, {"settings": "4", "data": "5", "code": "6"})
    assert "it is of other settings and data and code" in capsys.readouterr().err
