"""A check in front of a training, in a workflow of three rules: what runs when the check's limit is edited, and when it failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checkout import REPOSITORY, jobs_of

pytestmark = pytest.mark.workflow
#: The check refuses a limit of 9; the training is behind it, the table behind both.
SNAKEFILE = f"""
include: "{REPOSITORY}/workflow/rules/snakemake_issue_4166.smk"

rule table:
    input: "trained", "rows"
    output: "table"
    params: config.get("decimals", 1)
    shell: "cat {{input}} > {{output}}"

rule check:
    output: passed="passed", rows="rows"
    params: config.get("limit", 1)
    shell: "test {{params}} -lt 9 && echo {{params}} | tee {{output.passed}} > {{output.rows}}"

rule train:
    input: ancient("passed")
    output: "trained"
    shell: "cat {{input}} > {{output}}"
"""


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    assert snakemake(tmp_path).returncode == 0
    return tmp_path


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def planned(folder: Path, *settings: str) -> set[str]:
    done = snakemake(folder, "--dry-run", *(["--config", *settings] if settings else []))
    assert done.returncode == 0, done.stderr
    return set(jobs_of(done.stdout + done.stderr)) - {"total"}


def test_a_check_that_failed_and_passes_again_trains_nothing_anew(finished: Path) -> None:
    assert snakemake(finished, "--config", "limit=9").returncode == 1
    assert not (finished / "passed").exists() and (finished / "trained").exists()
    assert planned(finished, "limit=2") == {"check", "table"}
    assert snakemake(finished, "--config", "limit=2").returncode == 0
    assert (finished / "rows").read_text() == "2\n" and (finished / "trained").read_text() == "1\n"
    assert planned(finished, "limit=2") == set()


def test_a_training_that_is_missing_waits_for_its_check(finished: Path) -> None:
    for name in ("passed", "rows", "trained"):
        (finished / name).unlink()
    assert planned(finished) == set()  # as of any file in between
    (finished / "table").unlink()
    assert planned(finished) == {"check", "train", "table"}
    assert snakemake(finished, "--config", "limit=9").returncode == 1
    assert not (finished / "trained").exists()


def test_a_check_made_again_hides_no_other_edit(finished: Path) -> None:
    (finished / "trained").unlink()
    (finished / "table").unlink()
    assert planned(finished, "limit=2") == {"check", "train", "table"}
    assert snakemake(finished, "--config", "limit=2").returncode == 0
    assert planned(finished, "limit=3", "decimals=2") == {"check", "table"}
