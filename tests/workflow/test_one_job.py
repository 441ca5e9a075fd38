"""The first job of a study: killed, made by older code, or planned where nobody can write."""

from __future__ import annotations

import os

import pytest
from checkout import TINY, Checkout, copy_repository
from machine_faults import can_mount, read_only

pytestmark = pytest.mark.workflow
RAW = "results/tiny/raw/phantom-b"
#: Read by every Python before its script.
KILLED = """
import os, signal, sys
if sys.orig_argv[-1].endswith(".write_phantom.py"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return copy_repository(tmp_path_factory.mktemp("one-job") / "synthaug")


def test_the_run_says_why_a_killed_job_failed_and_removes_old_scripts(checkout, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(KILLED)
    path = f"{tmp_path}:{checkout.root / 'src'}"
    script = checkout.root / ".snakemake" / "scripts" / "tmp1.harmonise.py"
    script.parent.mkdir(parents=True)
    script.write_text("")
    os.utime(script, (10**9, 10**9))
    command = ["--configfile", TINY, "--cores", "1", "--", RAW]
    done = checkout.snakemake(*command, check=False, PYTHONPATH=path)
    said = [line for line in done.stderr.splitlines() if line.startswith("synthaug: write_phantom: ")]
    assert done.returncode == 1 and len(said) == 1
    assert "killed (SIGKILL, or a fault in native code); it wrote no log" in said[0]
    assert not script.exists()


def test_outputs_of_older_code_are_accepted_by_touching_them(checkout):
    checkout.run(TINY, "--", RAW)
    with (checkout.root / "src" / "synthaug" / "phantom" / "scanner.py").open("a") as stream:
        stream.write("\nEDITED = 1\n")
    before = {file: file.read_bytes() for file in (checkout.root / RAW).rglob("*") if file.is_file()}
    assert checkout.would_run(TINY, "--", RAW) == {"write_phantom": 1}
    checkout.run(TINY, "--touch", "--", RAW)
    assert checkout.would_run(TINY, "--", RAW) == {}
    assert before and {file: file.read_bytes() for file in before} == before


@pytest.mark.skipif(not can_mount(), reason="needs to mount")
def test_nothing_begins_where_nobody_can_write(checkout):
    def refusal(*options: str) -> str:
        done = checkout.run(TINY, *options, "--", "results/tiny/raw/phantom-a", check=False)
        said = done.stdout + done.stderr  # a dry run speaks to stdout
        assert done.returncode == 1 and "Traceback" not in said
        (line,) = [line for line in said.splitlines() if line.startswith("synthaug:")]
        return line

    for folder in (".snakemake", "results"):
        (checkout.root / folder).mkdir(exist_ok=True)
    with read_only(checkout.root):
        assert "/.snakemake: Snakemake cannot write its records (Read-only file system); make" in refusal()
        assert "/.snakemake: Snakemake cannot write its records" in refusal("--dry-run")
    with read_only(checkout.root / "results"):
        assert "results/tiny: cannot be written (Read-only file system); make it writable" in refusal()
