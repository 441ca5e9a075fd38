"""A study whose machine has no memory left, and whose clock jumps, ends with the files of one that nothing happened to."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from checkout import copy_repository
from faults import FaultyRun, contents
from machine_faults import MemoryGroup

from synthaug.core.memory import kernel_kills

pytestmark = [
    pytest.mark.workflow,
    # Which process the kernel ends, and when, is chance now and then; each takes minutes.
    pytest.mark.skipif(not os.environ.get("SYNTHAUG_FAULTS"), reason="set SYNTHAUG_FAULTS=1"),
]

HOUR_S = 3600


@pytest.fixture
def run(tmp_path, quiet):
    command = [*quiet.command, "--retries", "2"]
    return FaultyRun(copy_repository(tmp_path / "synthaug"), command, seed=0)


def assert_ends_undisturbed(run, quiet):
    run.finish()
    results = run.checkout.root / "results" / "tiny"
    assert contents(results) == contents(quiet.checkout.root / "results" / "tiny")
    assert run.litter() == []


@pytest.mark.skipif(not MemoryGroup.can_be_made(), reason="needs a writable control group for memory")
def test_the_kernel_ends_a_training_for_lack_of_memory(run, quiet):
    before = kernel_kills()
    run.exhaust_memory(1, (0.5, 2), mib=3000, during="train_model")
    # A training beside it, and the neighbour that takes the memory, may be among them.
    ended = kernel_kills() - before
    assert run.killed == ["out of memory: train_model"]
    said = run.lines("^synthaug: train_model: out of memory: ")
    assert 1 <= len(said) == len(run.lines("^Error in rule train_model:"))
    counts = [
        re.search(r"killed, and this machine ended (\d+) process(?:es)? for lack of memory; ", line)
        for line in said
    ]
    assert all(count and 1 <= int(count[1]) <= ended for count in counts)
    for line in said:
        assert line.endswith("run again with fewer jobs at a time (--cores) or a smaller batch_size")
    assert_ends_undisturbed(run, quiet)


def test_the_clock_goes_back_and_forward_and_a_second_workflow_is_refused(run, quiet):
    second = run.start_beside()
    assert second.returncode and "Directory cannot be locked" in second.stderr
    jumps = [-2 * HOUR_S, 90 * 24 * HOUR_S] if shutil.which("faketime") else [-2 * HOUR_S]
    run.jump(jumps, (1, 3))
    assert run.killed == ["clock back: 2 h", "clock forward: 2160 h"][: len(jumps)]
    assert_ends_undisturbed(run, quiet)
    (said,) = run.lines("of a time to come")
    assert "ahead of the file system's clock, which was set back; they are of now" in said
    assert not run.lines("older modification time")
