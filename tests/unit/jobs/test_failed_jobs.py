"""Why a submitted job failed, in one line: by its log, or by what Slurm wrote when it ended the job."""

from __future__ import annotations

import io
import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.jobs.failed_jobs import FailureLines, why_it_failed

STARTED = "2026-01-01T00:00:00Z attempt 1 started: host n1\n"
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
