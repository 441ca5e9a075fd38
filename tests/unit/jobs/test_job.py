"""A script's errors: one line on the screen, everything in the log, a non-zero exit."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from synthaug.core.disk import CannotWriteError
from synthaug.core.errors import PassingError
from synthaug.data.findings import SubjectError
from synthaug.jobs.attempts import failed_for_good, gpu_line
from synthaug.jobs.interruption import INTERRUPTED, interruptible, listeners
from synthaug.jobs.job import job


@pytest.fixture
def snakemake(tmp_path):
    return SimpleNamespace(log=[str(tmp_path / "logs" / "rule.log")], rule="harmonise")


def log_of(snakemake):
    """The log after its first line."""
    first, _, rest = Path(snakemake.log[0]).read_text().partition("\n")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ attempt \d+ started: host \S+, process \d+, ", first)
    return rest


def history(snakemake):
    """The history without times and places."""
    lines = Path(snakemake.log[0]).with_suffix(".history.log").read_text().splitlines()
    return [re.sub(r"^\S+ |: host [^;]*| after [\d.]+ s", "", line) for line in lines]


def test_a_users_error_is_one_line_and_exit_1(snakemake, capsys):
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise SubjectError("frames-unread", "patient007", "Info.cfg", "no ED frame", "write its ED line")
    line = "synthaug: harmonise: patient007: Info.cfg: no ED frame; write its ED line\n"
    assert stopped.value.code == 1 and capsys.readouterr().err == line and log_of(snakemake) == line


def test_a_defect_keeps_its_traceback_in_the_log(snakemake, capsys, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # given back after this test
    with pytest.raises(ZeroDivisionError) as caught, job(snakemake):
        raise ZeroDivisionError("by\n0")
    (line,) = capsys.readouterr().err.splitlines()  # the reason is on the screen, once
    assert line == f"synthaug: harmonise: unexpected error: ZeroDivisionError: by 0; see {snakemake.log[0]}"
    log = log_of(snakemake)
    assert "Traceback" in log and log.endswith(line + "\n")
    sys.excepthook(ZeroDivisionError, caught.value, None)  # what Python does with it next
    assert capsys.readouterr().err == ""
    others = []
    monkeypatch.setattr(sys, "__excepthook__", lambda *error: others.append(error[0]))
    sys.excepthook(KeyError, KeyError("another"), None)
    assert others == [KeyError]


def test_output_goes_to_the_log(snakemake, capsys):
    with job(snakemake):
        print("said")
    assert log_of(snakemake) == "said\n" and capsys.readouterr().out == ""


def test_every_attempt_stays_in_the_history_though_its_log_is_deleted(snakemake):
    for ends in (
        SubjectError("a", "p1", "Info.cfg", "no ED frame", "write it"),
        None,
        SystemExit(INTERRUPTED),
    ):
        Path(snakemake.log[0]).unlink(missing_ok=True)  # as Snakemake does
        with suppress(SystemExit), job(snakemake):
            if ends:
                raise ends
    assert history(snakemake) == [
        "attempt 1 started",
        "attempt 1 failed for good: p1: Info.cfg: no ED frame; write it",
        "attempt 2 started",
        "attempt 2 ended: done",
        "attempt 1 started",  # made again
        "attempt 1 ended: interrupted after a checkpoint; run again to go on",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_stopped_leaves_the_signal_in_log_and_history(snakemake, number):
    with pytest.raises((SystemExit, KeyboardInterrupt)), job(snakemake):
        os.kill(os.getpid(), number)
        time.sleep(10)
    name = signal.Signals(number).name
    assert history(snakemake) == [
        "attempt 1 started",
        f"attempt 1 got {name}",
        f"attempt 1 ended: stopped by {name}",
    ]
    assert log_of(snakemake) == f"synthaug: harmonise: stopped by {name}\n" and listeners == []


def test_a_signal_that_other_code_makes_an_error_of_is_a_signal(snakemake, capsys):
    """As pydantic does while it builds a class."""
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except SystemExit as error:
            raise ValueError("a schema") from error
    assert stopped.value.code == 128 + signal.SIGTERM
    assert history(snakemake)[-1] == "attempt 1 ended: stopped by SIGTERM"
    assert "unexpected" not in capsys.readouterr().err


def test_a_signal_that_a_training_answers_is_in_the_history(snakemake):
    with job(snakemake), interruptible() as interruption:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert interruption.requested
    assert history(snakemake)[1] == "attempt 1 got SIGUSR1"


def test_a_job_killed_in_its_first_seconds_leaves_a_log_and_the_next_attempt_says_so(snakemake, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    # As Snakemake runs a script: `snakemake` is there first, then the script imports, and dies meanwhile.
    code = f"""
import os, signal
from types import SimpleNamespace
snakemake = SimpleNamespace(log=[{snakemake.log[0]!r}], rule="train_model")
from synthaug.jobs.job import job
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    (line,) = Path(snakemake.log[0]).read_text().splitlines()
    assert "attempt 1 started: host " in line and ", Slurm job 17, synthaug " in line
    with job(snakemake):
        pass
    assert history(snakemake) == [
        "attempt 1 started",
        "attempt 2 started; attempt 1 has no end: it was killed, or runs still",
        "attempt 2 ended: done",
    ]


def test_a_script_begins_one_attempt_and_ends_it(snakemake):
    code = f"""
from types import SimpleNamespace
snakemake = SimpleNamespace(log=[{snakemake.log[0]!r}], rule="train_model")
from synthaug.jobs.job import job
with job(snakemake):
    print("said")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert (
        history(snakemake) == ["attempt 1 started", "attempt 1 ended: done"] and log_of(snakemake) == "said\n"
    )


def test_a_job_with_a_gpu_names_it(snakemake, tmp_path, monkeypatch):
    snakemake.resources = {"gpu": 1}
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("SYNTHAUG_GPUS", "0")  # it may go on without one
    with job(snakemake):
        pass
    assert log_of(snakemake) == "GPU: none, nvidia-smi is not here (CUDA_VISIBLE_DEVICES=3)\n"
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho NVIDIA H100\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert gpu_line() == "GPU: NVIDIA H100 (CUDA_VISIBLE_DEVICES=3)"


def test_a_job_that_asked_for_a_gpu_does_not_begin_without_one(snakemake, capsys, monkeypatch):
    snakemake.resources = {"gpu": 1}
    monkeypatch.delenv("SYNTHAUG_GPUS", raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise AssertionError("no work on a CPU")
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith("synthaug: harmonise: a GPU was asked for, and torch sees none")


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


def test_a_log_on_a_full_disk_does_not_hide_the_error(snakemake, capsys, tmp_path):
    log = tmp_path / "rule.log"
    log.symlink_to("/dev/full")
    log.with_suffix(".history.log").mkdir()  # cannot be written either
    snakemake.log = [str(log)]
    with pytest.raises(SystemExit), job(snakemake):
        print("progress")
        raise SubjectError("frames-unread", "patient007", "Info.cfg", "no ED frame", "write its ED line")
    assert capsys.readouterr().err.startswith("synthaug: harmonise: patient007")


@pytest.mark.parametrize(
    ("error", "for_good"),
    [
        (SubjectError("a", "p1", "Info.cfg", "no ED frame", "write it"), True),
        (PassingError("the same training runs already"), False),
        (CannotWriteError("a", "No space left on device"), False),
        (MemoryError("for (9, 9)"), False),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), False),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), False),
        (KeyError("a defect, or a fault of the node"), False),
    ],
)
def test_what_another_attempt_would_meet_as_well_is_written_down(snakemake, error, for_good, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises((SystemExit, KeyError)), job(snakemake):
        raise error
    assert failed_for_good(Path(snakemake.log[0])) is for_good


def test_an_error_of_memory_behind_a_users_error_may_pass(snakemake):
    with pytest.raises(SystemExit), job(snakemake):
        try:
            raise MemoryError
        except MemoryError:
            raise SubjectError("memory", "p1", "a.nii.gz", "too large", "more memory") from None
    assert not failed_for_good(Path(snakemake.log[0]))


def test_lack_of_memory_is_one_line_on_the_screen(snakemake, capsys):
    with pytest.raises(SystemExit) as stopped, job(snakemake):
        raise MemoryError("Unable to allocate 9 GiB")
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 1
    assert line.startswith(
        "synthaug: harmonise: out of memory (Unable to allocate 9 GiB); give the job more memory"
    )


def test_a_quota_is_one_line_with_the_path_and_the_remedy(snakemake, capsys):
    snakemake.output = ["results/x/cohort"]
    with pytest.raises(SystemExit), job(snakemake):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "results/x/cohort/cine.npy")
    assert capsys.readouterr().err == (
        "synthaug: harmonise: results/x/cohort/cine.npy: cannot be written (Disk quota exceeded); free space or name "
        "another folder\n"
    )
