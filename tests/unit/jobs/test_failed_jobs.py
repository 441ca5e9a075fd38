"""Why a submitted job failed, in one line: by its log, or by what Slurm wrote when it ended the job."""

from __future__ import annotations

import io
import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.core.memory import OutOfMemoryError
from synthaug.jobs import failed_jobs
from synthaug.jobs.attempts import Attempt, failed_for_good, history_of
from synthaug.jobs.failed_jobs import FailureLines, why_it_failed

STARTED = "2026-01-01T00:00:00Z attempt 1 started: host n1\n"
MORE_MEMORY = (
    "the next attempt gets more memory where mem_mb grows with it, as in profiles/slurm; else set a larger mem_mb for the "
    "rule (set-resources) and run again"
)
#: As Slurm 22.05 wrote it where it looks at memory itself, and as it writes it where control groups do.
OVER_MEMORY = """\
slurmstepd-n1: error: Exceeded job memory limit
slurmstepd-n1: error: StepId=2.0 exceeded memory limit (113655808 > 104857600), being killed
srun: Job step aborted: Waiting up to 32 seconds for job step to finish.
srun: error: n1: task 0: Killed
"""
OOM_KILL = """\
srun: error: n1: task 0: Out Of Memory
slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch. Some of the step tasks have been OOM Killed.
"""
#: As Slurm 22.05 and Snakemake 9.27 wrote it.
TIME_LIMIT = """\
slurmstepd-n1: error: *** STEP 421.0 ON n1 CANCELLED AT 2026-01-01T00:01:00 DUE TO TIME LIMIT ***
slurmstepd-n1: error: *** JOB 421 ON n1 CANCELLED AT 2026-01-01T00:01:00 DUE TO TIME LIMIT ***
srun: Job step aborted: Waiting up to 32 seconds for job step to finish.
Command 'python x.py' died with <Signals.SIGTERM: 15>.
srun: error: n1: task 0: Exited with exit code 1
"""
KILLED = "Command 'python x.py' died with <Signals.SIGKILL: 9>.\nsrun: error: n1: task 0: Exited with exit code 1\n"


@pytest.mark.parametrize(
    ("own", "slurm", "said"),
    [
        (
            STARTED + "synthaug: harmonise: 9 of 9 subjects\n",
            "srun: error: exit 1",
            "harmonise: 9 of 9 subjects [{own}]",
        ),
        (
            STARTED + "interrupted after 608 iterations; run again to go on\n",
            TIME_LIMIT,
            "harmonise: ended by Slurm: *** JOB 421 ON n1 CANCELLED AT 2026-01-01T00:01:00 DUE TO TIME LIMIT *** "
            "[{slurm}]; its log ends with: interrupted after 608 iterations; run again to go on [{own}]",
        ),
        (
            STARTED + "synthaug: harmonise: stopped by SIGTERM\n",
            TIME_LIMIT,
            "harmonise: ended by Slurm: *** JOB 421 ON n1 CANCELLED AT 2026-01-01T00:01:00 DUE TO TIME LIMIT *** "
            "[{slurm}]; its log ends with: synthaug: harmonise: stopped by SIGTERM [{own}]",
        ),
        (
            STARTED,
            OVER_MEMORY,
            "harmonise: out of memory: ended by Slurm: StepId=2.0 exceeded memory limit (113655808 > 104857600), being killed "
            "[{slurm}]; its log ends with: " + STARTED.strip() + " [{own}]; " + MORE_MEMORY,
        ),
        (
            STARTED,
            OOM_KILL,
            "harmonise: out of memory: ended by Slurm: Detected 1 oom-kill event(s) in StepId=7.batch. Some of the step "
            "tasks have been OOM Killed. [{slurm}]; its log ends with: "
            + STARTED.strip()
            + " [{own}]; "
            + MORE_MEMORY,
        ),
        (
            STARTED,
            KILLED,
            "harmonise: ended by SIGKILL [{slurm}]; its log ends with: " + STARTED.strip() + " [{own}]",
        ),
        (
            STARTED,
            "ImportError: x\nsrun: error: n1: task 0: Exited with exit code 1\n",
            "harmonise: ended by itself: n1: task 0: Exited with exit code 1 [{slurm}]; its log ends with: "
            + STARTED.strip()
            + " [{own}]",
        ),
        (None, "no space", "harmonise: it wrote no log ({own}); see {slurm}"),
        ("", None, "harmonise: its log is empty [{own}]"),
    ],
)
def test_the_reason_of_a_failed_job_is_one_line(tmp_path, own, slurm, said):
    files = {"own": tmp_path / "rule.log", "slurm": tmp_path / "7.log"}
    for file, text in zip(files.values(), (own, slurm), strict=True):
        if text is not None:
            file.write_text(text)
    screen = io.StringIO()
    record = logging.makeLogRecord(
        {
            "event": LogEvent.JOB_ERROR,
            "rule_name": "harmonise",
            "log": [str(file) for file in files.values()],
        }
    )
    FailureLines(screen).emit(record)
    FailureLines(screen).emit(logging.makeLogRecord({"event": LogEvent.JOB_FINISHED}))
    assert screen.getvalue() == f"synthaug: {said.format(**files)}\n"


def test_a_reason_that_names_its_log_names_it_once_and_a_job_without_log_has_a_line(tmp_path):
    log = tmp_path / "rule.log"
    log.write_text(f"synthaug: harmonise: unexpected error: KeyError: 'a'; see {log}\n")
    assert why_it_failed("harmonise", [log]).count(str(log)) == 1
    assert why_it_failed("all", []) == "synthaug: all: it has no log"


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    log = tmp_path / "rule.log"
    log.write_text("synthaug: harmonise: an older one\n" + "x" * 30_000 + "\nsynthaug: harmonise: the last\n")
    assert why_it_failed("harmonise", [log]).startswith("synthaug: harmonise: the last [")


@pytest.fixture
def log(tmp_path):
    (tmp_path / "rule.log").touch()
    return tmp_path / "rule.log"


def say_of(handler, event, log, **more):
    record = {"event": event, "rule_name": "harmonise", "log": [str(log)], "jobid": 3, "job_id": 3, **more}
    handler.emit(logging.makeLogRecord(record))


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (
            1,
            "synthaug: harmonise: out of memory: killed, and this machine ended 1 process for lack of memory; its log is "
            "empty [{log}]; run again with fewer jobs at a time (--cores) or a smaller batch_size\n",
        ),
        (
            0,
            "synthaug: harmonise: killed (SIGKILL, or a fault in native code); its log is empty [{log}]; run again\n",
        ),
    ],
)
@pytest.mark.parametrize("started", [True, False])
def test_a_job_of_this_machine_that_was_killed_cannot_speak_for_itself(
    log, monkeypatch, kernel, said, started
):
    kills = [5]
    monkeypatch.setattr(failed_jobs, "kernel_kills", lambda: kills[0])
    screen = io.StringIO()
    handler = FailureLines(screen, submitted=False)
    Attempt(log).end("of an earlier run")
    say_of(handler, LogEvent.JOB_INFO, log)
    attempt = Attempt(log) if started else None
    kills[0] += kernel
    say_of(handler, LogEvent.JOB_ERROR, log)
    assert screen.getvalue() == said.format(log=log)
    say_of(handler, LogEvent.JOB_INFO, log)
    (attempt or Attempt(log)).end("its own reason, which it said")
    say_of(handler, LogEvent.JOB_ERROR, log)
    assert screen.getvalue() == said.format(log=log)


def test_a_job_that_said_its_reason_where_its_history_cannot_be_written_was_not_killed(log):
    screen = io.StringIO()
    handler = FailureLines(screen, submitted=False)
    say_of(handler, LogEvent.JOB_INFO, log)
    log.write_text(
        f"{STARTED}synthaug: harmonise: results/x: cannot be written (Read-only file system); ...\n"
    )
    say_of(handler, LogEvent.JOB_ERROR, log)
    assert screen.getvalue() == ""


def test_jobs_that_the_kernel_ended_together_are_each_said_to_be(log, monkeypatch):
    kills, now = [5], [1000.0]
    monkeypatch.setattr(failed_jobs, "kernel_kills", lambda: kills[0])
    monkeypatch.setattr(failed_jobs.time, "monotonic", lambda: now[0])
    screen = io.StringIO()
    handler = FailureLines(screen, submitted=False)

    def fail(number):
        one = log.with_name(f"{number}.log")
        say_of(handler, LogEvent.JOB_INFO, one, jobid=number)
        say_of(handler, LogEvent.JOB_ERROR, one, jobid=number)
        return screen.getvalue().splitlines()[-1]

    kills[0] += 3  # two jobs, and a process of somebody else
    assert "out of memory: killed, and this machine ended 3 processes" in fail(1)
    now[0] += 2
    assert "out of memory: killed, and this machine ended 3 processes" in fail(2)
    now[0] += 3600  # the third was no job
    assert "killed (SIGKILL, or a fault in native code)" in fail(3)
    kills[0] += 1
    assert "this machine ended 1 process for lack" in fail(4)
    assert "killed (SIGKILL, or a fault in native code)" in fail(5)


def test_a_job_that_needed_several_attempts_says_so_when_it_is_done(log):
    screen = io.StringIO()
    handler = FailureLines(screen)
    for how in (None, str(OutOfMemoryError("x")), "done"):
        say_of(handler, LogEvent.JOB_INFO, log)
        attempt = Attempt(log)
        if how:
            attempt.end(how)
    say_of(handler, LogEvent.JOB_FINISHED, log)
    line = f"done in attempt 3; the one before: {OutOfMemoryError('x')} [{log}]"
    assert screen.getvalue() == f"synthaug: harmonise: {line}\n"
    for unended in (False, True):  # made again: at once, and on a node that was lost
        say_of(handler, LogEvent.JOB_INFO, log)
        if unended:
            Attempt(log)
        Attempt(log).end()
        say_of(handler, LogEvent.JOB_FINISHED, log)
    last = "done in attempt 2; the one before: has no end, it was killed"
    assert screen.getvalue().splitlines()[1:] == [f"synthaug: harmonise: {last} [{log}]"]


def test_only_the_last_attempt_decides_whether_another_would_fail_as_well(log):
    assert not failed_for_good(log)
    Attempt(log).end("no ED frame", for_good=True)
    assert failed_for_good(log)
    again = Attempt(log)  # a new run
    assert "attempt 2 started" in again.first_line and not failed_for_good(log)
    again.end("out of memory")
    assert not failed_for_good(log) and "attempt 1 failed for good" in history_of(log).read_text()


def test_a_job_that_slurm_did_not_take_says_what_slurm_said(log):
    """Not what an earlier attempt left in the log."""
    log.write_text(STARTED)
    screen = io.StringIO()
    message = (
        "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nope\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified'.\n    sbatch call:\n  'x'.\n"
    )
    say_of(FailureLines(screen), LogEvent.JOB_ERROR, log, rule_msg=message)
    assert screen.getvalue() == (
        "synthaug: harmonise: not taken by Slurm: invalid partition specified: nope Batch job submission failed: Invalid "
        "partition name specified; correct the profile (make slurm-check says what there is)\n"
    )
