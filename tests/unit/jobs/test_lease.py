"""A folder of checkpoints belongs to one process at a time."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.iocontainers import Namedlist

from synthaug.core.errors import SynthaugError
from synthaug.core.folder_checksums import write_checksums
from synthaug.core.process_identity import this_process
from synthaug.jobs import lease as module
from synthaug.jobs.lease import LEASE, holder_of, lease

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
HOLDER = """
import sys, time
from pathlib import Path
from synthaug.core.errors import SynthaugError
from synthaug.jobs.lease import lease
try:
    with lease(Path(sys.argv[1]), patience_s=0.2):
        print("held", flush=True)
        sys.stdin.read()
except SynthaugError:
    print("refused", flush=True)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the folder until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def elsewhere(folder: Path, **changes: object) -> Path:
    """The lease of a process on another machine."""
    folder.mkdir()
    there = replace(this_process(), host="another-machine", slurm_job="7")
    (folder / LEASE).write_text(json.dumps(replace(there, **changes).as_json()))
    return folder / LEASE


def test_a_second_process_is_refused_and_takes_over_when_the_first_is_killed(tmp_path):
    folder = tmp_path / "checkpoints"
    first = holder(folder)
    assert first.stdout.readline() == "held\n"
    with (
        pytest.raises(SynthaugError, match=rf"runs already \(process {first.pid} on .*end it first"),
        lease(folder),
    ):
        pass
    assert holder_of(folder / LEASE).pid == first.pid
    first.kill()
    first.wait()
    assert (folder / LEASE).is_file()  # nobody took it away
    with lease(folder):
        assert holder_of(folder / LEASE) == this_process()
    assert not folder.exists()


def test_one_of_several_processes_takes_over_from_a_dead_one(tmp_path):
    folder = tmp_path / "checkpoints"
    elsewhere(folder, host=this_process().host, pid=2**22 + 1)  # no process has this number
    several = [holder(folder) for _ in range(4)]
    assert sorted(process.stdout.readline() for process in several) == ["held\n"] + ["refused\n"] * 3
    for process in several:
        process.communicate("")
    assert not folder.exists()


def test_checkpoints_stay_when_the_lease_ends(tmp_path):
    with lease(tmp_path / "checkpoints"):
        (tmp_path / "checkpoints" / "checkpoint-000000001.pt").touch()
    assert [file.name for file in (tmp_path / "checkpoints").iterdir()] == ["checkpoint-000000001.pt"]


def test_a_holder_on_another_machine_that_gives_signs_of_life_is_not_disturbed(tmp_path):
    file, ended = elsewhere(tmp_path / "c"), threading.Event()
    holding = replace(this_process(), host="another-machine", slurm_job="7")
    beat = threading.Thread(target=module._beat, args=(file, holding, 0.02, ended))
    beat.start()
    with (
        pytest.raises(SynthaugError, match=r"another-machine, Slurm job 7.*scancel 7 first"),
        lease(file.parent, 0.05, 30),
    ):
        pass
    ended.set()
    beat.join()
    assert holder_of(file) == holding


def test_a_holder_on_another_machine_without_signs_of_life_is_followed(tmp_path, capsys):
    file = elsewhere(tmp_path / "c")
    os.utime(file, (2e9, 2e9))  # its clock is ahead of ours
    with lease(file.parent, 0.05, 0.2):
        assert holder_of(file) == this_process()
    assert "taken over from process" in capsys.readouterr().err


def test_a_job_that_was_requeued_follows_itself_at_once(tmp_path, monkeypatch):
    own = replace(this_process(), slurm_job="7")
    monkeypatch.setattr(module, "this_process", lambda: own)
    file = elsewhere(tmp_path / "c", slurm_job="7")
    with lease(file.parent):
        assert holder_of(file) == own


def test_two_processes_of_one_slurm_job_are_told_apart(tmp_path, monkeypatch):
    """As where a whole workflow runs inside an allocation."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    first = holder(tmp_path / "c")
    assert first.stdout.readline() == "held\n"
    own = replace(this_process(), slurm_job="7")
    monkeypatch.setattr(module, "this_process", lambda: own)
    with pytest.raises(SynthaugError, match="runs already"), lease(tmp_path / "c"):
        pass
    first.communicate("")


def test_a_lease_that_was_cut_short_is_watched_and_followed(tmp_path):
    (tmp_path / LEASE).write_text("{")
    with lease(tmp_path, 0.05, 0.2):
        assert holder_of(tmp_path / LEASE) == this_process()


def test_a_process_that_lost_its_lease_ends_in_order_and_leaves_the_other_alone(tmp_path, monkeypatch):
    told, ended = [], threading.Event()
    monkeypatch.setattr(module.os, "kill", lambda *arguments: (told.append(arguments), ended.set()))
    folder = tmp_path / "c"
    with lease(folder, interval_s=0.02):
        other = replace(this_process(), pid=1)
        (folder / LEASE).write_text(json.dumps(other.as_json()))
        assert ended.wait(30)
    assert told == [(os.getpid(), signal.SIGTERM)] and holder_of(folder / LEASE) == other


@pytest.mark.parametrize("script", ["train_model", "train_task"])
def test_the_scripts_that_train_hold_the_folder_of_their_checkpoints(script, tmp_path, monkeypatch):
    folder, holders = tmp_path / "checkpoints", []

    def train(*_, **__):
        holders.append(holder_of(folder / LEASE))

    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "cases.tsv").write_text("case\n")
    write_checksums(tmp_path / "set")
    monkeypatch.setattr("synthaug.training.train_model", train)
    monkeypatch.setattr("synthaug.tasks.open_task", lambda _: SimpleNamespace(train=train))
    fields = {
        "log": [str(tmp_path / "rule.log")],
        "params": {"model": {"kind": "autoencoder"}, "task": {}, "code": "c", "checkpoints": str(folder)},
        "input": {"train": "", "validation": "", "needs": [], "training_set": str(tmp_path / "set")},
        "output": {"weights": "", "record": "", "history": "", "model": "results/s/model"},
        "wildcards": {"generator_seed": "0", "training_seed": "0"},
        "resources": {"checkpoint_seconds": 600, "gpu": 0},
    }
    given = {
        name: Namedlist(fromdict=field) if isinstance(field, dict) else field
        for name, field in fields.items()
    }
    snakemake = SimpleNamespace(rule=script, threads=1, **given)
    runpy.run_path(str(SCRIPTS / f"{script}.py"), {"snakemake": snakemake})
    assert holders == [this_process()] and not folder.exists()
