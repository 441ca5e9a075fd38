"""A script's errors: one line on the screen, everything in the log, a non-zero exit."""

from __future__ import annotations

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
