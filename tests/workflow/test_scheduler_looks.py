"""Snakemake's scheduler looks at the ready jobs when there is a reason to, and starts all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

MENDED = Path(__file__).parents[2] / "workflow/rules/snakemake_issue_2967.smk"
#: Six jobs of more than a second in two places; at each look, the timers that are set are counted.
WORKFLOW = """
import threading

{mended}
from snakemake.scheduling.job_scheduler import JobScheduler

looks = []

def counted(self, jobs, original=JobScheduler.job_selector):
    looks.append(sum(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
    return original(self, jobs)

if JobScheduler.job_selector.__name__ != "counted":
    JobScheduler.job_selector = counted

rule all:
    input: expand("{{n}}.txt", n=range(6))

rule one:
    output: "{{n}}.txt"
    shell: "sleep 1.2; touch {{output}}"

onsuccess:
    print("timers at each look:", *looks)
"""


def timers_at_each_look(folder, *options, mended=True):
    text = WORKFLOW.format(mended=f"include: {str(MENDED)!r}" if mended else "")
    (folder / "Snakefile").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--quiet", "all", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(list(folder.glob("*.txt"))) == 6
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("timers at each look:")]
    return [int(word) for word in line.split(":")[1].split()]


def test_nothing_is_looked_at_while_all_places_are_taken(tmp_path):
    timers = timers_at_each_look(tmp_path, "--cores", "2")
    assert max(timers) == 0
    assert len(timers) <= 6


def test_a_limit_of_starts_has_one_timer(tmp_path):
    timers = timers_at_each_look(tmp_path, "--cores", "6", "--max-jobs-per-timespan", "2/1s")
    assert max(timers) == 1


def test_snakemake_itself_still_sets_a_timer_for_every_job(tmp_path):
    """If this fails, Snakemake was mended, and `workflow/rules/snakemake_issue_2967.smk` can go."""
    assert max(timers_at_each_look(tmp_path, "--cores", "2", mended=False)) > 1
