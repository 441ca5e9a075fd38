"""A training set is compared with what was written before a task trains on it, whatever the task."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from snakemake.iocontainers import Namedlist

from synthaug.core.errors import SynthaugError
from synthaug.core.folder_checksums import CHECKSUMS, check_checksums

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
MODEL = Path("results/s/model")
ARRAY, CASES = "nnUNetPlans_2d/a_f0.b2nd", "cases.tsv"


class Trains:
    """A task whose training set is two files."""

    trained, case = 0, "a_f0"

    def write_training_set(self, training, plan, output, threads):
        (output / ARRAY).parent.mkdir(parents=True)
        (output / ARRAY).write_bytes(np.arange(40.0).tobytes())
        (output / CASES).write_text(f"case\n{self.case}\n")

    def train(self, training_set, model, checkpoints, **_):
        self.trained += 1
        model.mkdir(parents=True)
        (model / "weights").write_text(str(self.trained))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a script of the workflow with the task `run.task`."""
    task = Trains()
    of_real = SimpleNamespace(with_phenotypes=lambda _: None)
    monkeypatch.setattr("synthaug.data.cohort.Cohort.open_all", lambda _: of_real)
    monkeypatch.setattr("synthaug.tasks.training_subjects.TrainingSubjects.read", lambda *_: None)
    monkeypatch.setattr("synthaug.tasks.open_task", lambda _: task)
    monkeypatch.chdir(tmp_path)

    def run(script):
        log = tmp_path / f"{script}.log"
        inputs = {"cohorts": [], "phenotypes": [], "synthetic": [], "subjects": "", "plan": ""}
        snakemake = SimpleNamespace(
            rule=script,
            threads=2,
            log=[str(log)],
            input=Namedlist(fromdict={**inputs, "training_set": str(tmp_path / "set")}),
            output=Namedlist(fromdict={"training_set": str(tmp_path / "set"), "model": MODEL.as_posix()}),
            params=Namedlist(
                fromdict={"task": {}, "code": "c", "checkpoints": str(tmp_path / "checkpoints")}
            ),
            wildcards=Namedlist(fromdict={"training_seed": "0"}),
            resources=Namedlist(fromdict={"checkpoint_seconds": 600, "gpu": 0}),
        )
        runpy.run_path(str(SCRIPTS / f"{script}.py"), {"snakemake": snakemake})

    run.task = task
    return run


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", [ARRAY, CASES, CHECKSUMS])
def test_a_training_does_not_begin_on_a_training_set_with_a_flipped_bit(tmp_path, run, name):
    run("write_training_set")
    (tmp_path / "set" / ".snakemake_timestamp").touch()  # as Snakemake marks a folder
    run("train_task")
    assert run.task.trained == 1
    flip(tmp_path / "set" / name, 77)
    with pytest.raises(SystemExit) as stopped:
        run("train_task")
    assert stopped.value.code == 1 and run.task.trained == 1
    said = (tmp_path / "train_task.log").read_text().splitlines()
    (line,) = [line for line in said if "checksum differs" in line]
    assert line.startswith(f"synthaug: train_task: {tmp_path / 'set' / name}: ") and "run again" in line


def test_the_same_training_set_written_anew_is_not_trained_on_again_another_is(tmp_path, run):
    for case, trained in (("a_f0", 1), ("a_f0", 1), ("b_f0", 2)):
        for output in (tmp_path / "set", MODEL):  # as Snakemake does before it runs a job again
            shutil.rmtree(output, ignore_errors=True)
        run.task.case = case
        run("write_training_set")
        run("train_task")
        assert run.task.trained == trained and (MODEL / "weights").read_text() == str(trained)


@pytest.mark.parametrize("name", [ARRAY, CHECKSUMS])
def test_a_training_set_that_lost_a_file_is_refused(tmp_path, run, name):
    run("write_training_set")
    (tmp_path / "set" / name).unlink()
    with pytest.raises(SynthaugError, match=rf"{name}: is missing; remove .*set and run again"):
        check_checksums(tmp_path / "set")


def test_the_checksums_are_those_of_sha256sum(tmp_path, run):
    run("write_training_set")
    assert subprocess.run(["sha256sum", "-c", CHECKSUMS], cwd=tmp_path / "set").returncode == 0
    assert len((tmp_path / "set" / CHECKSUMS).read_text().splitlines()) == 2
