"""A script's errors: one line on the screen, everything in the log, a non-zero exit."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from synthaug.core.job import job
from synthaug.data.findings import SubjectError


@pytest.fixture
def snakemake(tmp_path):
    return SimpleNamespace(log=[str(tmp_path / "logs" / "rule.log")], rule="harmonise")


def log_of(snakemake):
    return Path(snakemake.log[0]).read_text()


def test_a_users_error_is_one_line_and_exit_1(snakemake, capsys):
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise SubjectError("frames-unread", "patient007", "Info.cfg", "no ED frame", "write its ED line")
    line = "synthaug: harmonise: patient007: Info.cfg: no ED frame; write its ED line\n"
    assert stopped.value.code == 1 and capsys.readouterr().err == line and log_of(snakemake) == line


def test_a_defect_keeps_its_traceback_in_the_log(snakemake, capsys):
    with pytest.raises(ZeroDivisionError), job(snakemake):
        raise ZeroDivisionError
    assert "ZeroDivisionError" in log_of(snakemake) and "see " in capsys.readouterr().err


def test_output_goes_to_the_log_which_is_kept_by_a_second_attempt(snakemake, capsys):
    for attempt in (1, 2):
        with job(snakemake):
            print("attempt", attempt)
    assert log_of(snakemake) == "attempt 1\nattempt 2\n" and capsys.readouterr().out == ""


def test_a_full_disk_is_one_line_that_names_the_output(snakemake, capsys):
    snakemake.output = ["cohorts/a"]
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise OSError(errno.ENOSPC, "No space left on device")
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 1 and line.startswith("synthaug: harmonise: cohorts/a or ")
    assert "cannot be written (No space left on device); free space" in line


def test_a_log_that_cannot_be_opened_is_one_line(snakemake, tmp_path):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise AssertionError("no work without a log")
    assert str(stopped.value).startswith(f"synthaug: harmonise: {tmp_path / 'logs' / 'rule.log'}: cannot")
    assert "\n" not in str(stopped.value)


def test_a_log_on_a_full_disk_does_not_hide_the_error(snakemake, capsys):
    snakemake.log = ["/dev/full"]
    with pytest.raises(SystemExit), job(snakemake):
        print("progress")
        raise SubjectError("frames-unread", "patient007", "Info.cfg", "no ED frame", "write its ED line")
    assert capsys.readouterr().err.startswith("synthaug: harmonise: patient007")
