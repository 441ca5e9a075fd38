"""The command line: what it writes, what it finds, and how it exits."""

from __future__ import annotations

import pytest
import torch

from synthaug import phantom
from synthaug.cli import main


def test_a_written_phantom_is_clean_and_a_broken_file_is_one_finding(tmp_path, capsys):
    root = tmp_path / "acdc"
    assert main(["phantom", str(root), "--subjects", "2", "--processes", "1", "--seed", "3"]) == 0
    assert main(["validate", str(root), "--dataset", "acdc"]) == 0
    cine = root / "training" / "patient001" / "patient001_4d.nii.gz"
    cine.write_bytes(cine.read_bytes()[:-2000])
    capsys.readouterr()
    assert main(["validate", str(root), "--dataset", "acdc"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and "patient001" in lines[0] and cine.name in lines[0]


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    assert main(["phantom", str(tmp_path / "taken")]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["phantom"],
        ["phantom", "x", "--processes", "0"],
        ["quality", "x", "--processes", "-1"],
        ["validate", "x", "--dataset", "nobody"],
        ["nonsense"],
    ],
)
def test_unusable_arguments_exit_with_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_an_unknown_root_is_one_line(tmp_path, capsys):
    assert main(["validate", str(tmp_path / "nowhere"), "--dataset", "acdc"]) == 1
    error = capsys.readouterr().err
    assert "nowhere" in error and "Traceback" not in error


def test_paths_are_read_as_in_a_study(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["validate", "~/nowhere", "--dataset", "acdc"]) == 1
    assert str(tmp_path / "nowhere") in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["validate", "", "--dataset", "acdc"])
    assert "the path is empty" in capsys.readouterr().err


def test_a_key_that_stands_twice_is_one_line(tmp_path, capsys):
    study = tmp_path / "study.yaml"
    study.write_text("synthesis: {}\nsynthesis: {}\n")
    assert main(["cost", str(study)]) == 1
    said = capsys.readouterr().err
    assert f"synthaug: {study}: line 2: key synthesis stands in line 1" in said and said.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["phantom", str(tmp_path / "file" / "out"), "--subjects", "1", "--processes", "1"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "cannot be written" in said[-1] and not any("Traceback" in line for line in said)


@pytest.mark.parametrize("command", ["validate", "quality"])
@pytest.mark.parametrize("reader", [":", "toy:", "my-reader:Toy"])
def test_a_reader_that_is_no_class_is_one_line(tmp_path, capsys, command, reader):
    assert main([command, str(tmp_path), "--dataset", reader]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"synthaug: --dataset: {reader!r} is no class; give module:Class")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError("Unable to allocate 8.00 EiB"), "out of memory (Unable to allocate 8.00 EiB); "),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            "the GPU is out of memory (CUDA out of memory); set a smaller batch_size",
        ),
    ],
)
def test_lack_of_memory_is_one_line(tmp_path, capsys, monkeypatch, error, line):
    def write_phantom(*_, **__):
        raise error

    monkeypatch.setattr(phantom, "write_phantom", write_phantom)
    assert main(["phantom", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"synthaug: {line}") and said.count("\n") == 1
