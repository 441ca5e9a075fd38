"""A process is told from all others, from a later one of its number too, and from one on another host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context

import pytest

from synthaug.core.process_identity import ProcessIdentity, is_alive, this_process

PROGRAM = (
    "import json; from synthaug.core.process_identity import this_process;"
    "print(json.dumps(this_process().as_json()), flush=True); input()"
)


def test_this_process_is_alive_and_a_later_one_of_its_number_is_not_it():
    here = this_process()
    assert here.pid == os.getpid() and is_alive(here) is True
    boot, namespace, ticks = here.started.split(".")
    assert is_alive(replace(here, started=f"{boot}.{namespace}.{int(ticks) - 1}")) is False


def test_a_process_is_alive_until_it_ends_even_before_anyone_counted_it():
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin and child.stdout
    identity = ProcessIdentity.from_json(json.loads(child.stdout.readline()))
    assert identity.pid == child.pid and is_alive(identity) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it ended, and is a zombie
    assert is_alive(identity) is False
    child.wait()
    assert is_alive(identity) is False
    child.stdin.close()
    child.stdout.close()


def test_a_fork_is_another_process():
    here = this_process()
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(this_process).pid != here.pid == this_process().pid


def test_of_another_host_nothing_is_known_and_a_reboot_ends_all():
    here = this_process()
    _, namespace, ticks = here.started.split(".")
    assert is_alive(replace(here, host=f"not-{here.host}")) is None
    assert is_alive(replace(here, started=f"00000000.1.{ticks}")) is None  # a container of the same name
    rebooted = is_alive(replace(here, started=f"00000000.{namespace}.{ticks}"))
    assert rebooted is (False if namespace == "4026531836" else None)
    assert is_alive(replace(here, started="")) is True  # a system that does not tell when
    assert is_alive(replace(here, pid=2**22 + 1)) is False


def test_slurm_job_is_part_of_it():
    there = ProcessIdentity("node-1", 7, "aaaaaaaa.4026531836.12", "4711")
    assert ProcessIdentity.from_json(json.loads(json.dumps(there.as_json()))) == there
    assert str(there) == "process 7 on node-1, Slurm job 4711"


@pytest.mark.parametrize(
    "content", [None, [], "x", {}, {"host": "a", "pid": "b", "started": "", "slurm_job": ""}]
)
def test_what_is_no_identity_is_refused(content):
    with pytest.raises(ValueError, match=r"identity|invalid literal"):
        ProcessIdentity.from_json(content)
