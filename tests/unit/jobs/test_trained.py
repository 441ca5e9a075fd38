"""A finished training is not done again where its data, settings and code are the same."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from synthaug.jobs.trained import keep_trained, take_trained, trained_folder

OUTPUT = Path("results/s/tasks/t/fold-0/model")
IDENTITY = {"training_set": "aa", "code": "bb"}


@pytest.fixture
def trained(tmp_path, monkeypatch) -> Path:
    """A training of two files, kept, whose output Snakemake has deleted."""
    monkeypatch.chdir(tmp_path)
    (OUTPUT / "member-1").mkdir(parents=True)
    (OUTPUT / "training.json").write_text("{}")
    (OUTPUT / "member-1" / "model.safetensors").write_text("weights")
    keep_trained(OUTPUT, IDENTITY)
    shutil.rmtree(OUTPUT)
    return OUTPUT


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def test_the_same_training_is_taken_whole_and_newer_than_what_it_is_made_of(trained, capsys):
    began = time.time() - 2
    assert take_trained(trained, IDENTITY)
    assert files(trained) == {"training.json": "{}", "member-1/model.safetensors": "weights"}
    assert all(path.stat().st_mtime > began for path in trained.rglob("*"))
    assert (
        "not trained again: results/s/checkpoints/trained/tasks/t/fold-0/model has" in capsys.readouterr().err
    )


def test_it_takes_no_disk_beside_its_output(trained):
    take_trained(trained, IDENTITY)
    assert (trained / "training.json").stat().st_nlink == 2


@pytest.mark.parametrize("name", IDENTITY)
def test_another_training_set_or_code_is_trained(trained, name):
    assert not take_trained(trained, {**IDENTITY, name: "other"}) and not trained.exists()


def test_a_damaged_or_lost_file_is_trained_again(trained, capsys):
    weights = trained_folder(trained) / "files" / "member-1" / "model.safetensors"
    weights.write_text("weighty")
    assert not take_trained(trained, IDENTITY) and not trained.exists()
    assert f"{weights}: not what was kept; training again" in capsys.readouterr().err
    weights.unlink()
    assert not take_trained(trained, IDENTITY)
    (trained_folder(trained) / "done.json").write_text('{"identity": ')
    assert not take_trained(trained, IDENTITY)


def test_only_the_last_training_is_kept(trained):
    trained.mkdir(parents=True)
    (trained / "training.json").write_text("later")
    keep_trained(trained, {"training_set": "cc"})
    shutil.rmtree(trained)
    assert not take_trained(trained, IDENTITY)
    assert take_trained(trained, {"training_set": "cc"}) and files(trained) == {"training.json": "later"}


def test_a_disk_that_forbids_it_fails_no_training(trained, monkeypatch, capsys):
    trained.mkdir(parents=True)
    (trained / "training.json").write_text("later")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synthaug.jobs.trained.link_or_copy", full)
    keep_trained(trained, {"training_set": "cc"})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "not kept for later runs: results/s/checkpoints/trained/tasks/t/fold-0/model: cannot be written"
    )
