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
