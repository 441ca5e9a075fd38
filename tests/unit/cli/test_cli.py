"""The command line: what it writes, what it finds, and how it exits."""

from __future__ import annotations

import pytest

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
    "arguments", [[], ["phantom"], ["validate", "x", "--dataset", "nobody"], ["nonsense"]]
)
def test_unusable_arguments_exit_with_2(arguments, capsys):
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
