"""What a study does with raw data that are broken: it goes on where it can, and says what is wrong."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import REPOSITORY, Checkout, copy_repository

from synthaug.cli import main

pytestmark = pytest.mark.workflow
STUDY = "config/studies/broken.yaml"
COHORT = "results/broken/cohorts/clinic"


def truncate(folder):
    path = next(folder.glob("*_4d.nii.gz"))
    path.write_bytes(path.read_bytes()[:-2000])


def put_nan(folder):
    path = next(folder.glob("*_4d.nii.gz"))
    image = nib.load(path)
    values = image.get_fdata(dtype=np.float32)
    values[3, 4, 1, 2] = np.nan
    nib.save(nib.Nifti1Image(values, image.affine), path)


def crop_label(folder):
    path = sorted(folder.glob("*_gt.nii.gz"))[0]
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:-3], image.affine), path)


def put_ed_out_of_range(folder):
    info = folder / "Info.cfg"
    lines = ["ED: 99" if line.startswith("ED:") else line for line in info.read_text().splitlines()]
    info.write_text("\n".join(lines) + "\n")


def remove_info(folder):
    (folder / "Info.cfg").unlink()


def empty_archive(folder):
    path = next(folder.glob("*_4d.nii.gz"))
    path.write_bytes(gzip.compress(b""))


#: Patient, what is done to it, the file that must be named, a word of the problem.
DAMAGES = {
    "patient001": (truncate, "patient001_4d.nii.gz", "truncated"),
    "patient002": (put_nan, "patient002_4d.nii.gz", "not finite"),
    "patient003": (crop_label, "_gt.nii.gz", "shape"),
    "patient004": (put_ed_out_of_range, "Info.cfg", "99"),
    "patient005": (remove_info, "Info.cfg", "missing"),
    "patient006": (empty_archive, "patient006_4d.nii.gz", "empty"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    return copy_repository(tmp_path_factory.mktemp("bad") / "synthaug")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp("raw") / "clinic"
    arguments = ["phantom", str(root), "--layout", "acdc", "--subjects", "9", "--processes", "2"]
    assert main(arguments) == 0
    for patient, (damage, *_) in DAMAGES.items():
        (folder,) = root.rglob(patient)
        damage(folder)
    return root


def write_study(checkout, root, **dataset):
    study = yaml.safe_load((REPOSITORY / "config" / "studies" / "tiny.yaml").read_text())
    study |= {
        "name": "broken",
        "datasets": {"clinic": {"layout": "acdc", "root": str(root), **dataset}},
        "split": {"scheme": "within_domain"},
    }
    (checkout.root / STUDY).write_text(yaml.safe_dump(study))


def test_broken_subjects_are_set_aside_by_name_and_the_others_go_on(checkout, raw):
    write_study(checkout, raw, minimum_subjects=3)
    checkout.run(STUDY, COHORT)
    table = pd.read_csv(checkout.root / COHORT / "quarantine.tsv", sep="\t").set_index("subject")
    assert sorted(table.index) == [f"clinic-{patient}" for patient in DAMAGES]
    for patient, (_, file, problem) in DAMAGES.items():
        row = table.loc[f"clinic-{patient}"]
        assert row["file"].endswith(file), row
        assert problem in row["problem"] and row["remedy"], row
    used = pd.read_csv(checkout.root / COHORT / "subjects.tsv", sep="\t")["subject"]
    assert len(used) == 3 and not set(used) & set(table.index)


def test_too_few_subjects_stop_the_study_in_one_line(checkout, raw):
    write_study(checkout, raw, minimum_subjects=4)
    shutil.rmtree(checkout.root / COHORT, ignore_errors=True)
    # Retries are for what may pass: each attempt would say the line again.
    done = checkout.run(STUDY, COHORT, "--retries", "2", check=False)
    said = [line for line in done.stderr.splitlines() if line.startswith("synthaug:")]
    assert done.returncode != 0 and len(said) == 1
    assert "3 of 9 subjects can be used, minimum_subjects is 4" in said[0]
    assert not (checkout.root / COHORT).exists()
    assert not list((checkout.root / COHORT).parent.glob("*")), "nothing half-written"


def refusals(checkout, *arguments, study=STUDY):
    """The lines of synthaug of a run that stops before its first job."""
    done = checkout.run(study, *arguments, check=False)
    said = done.stdout + done.stderr  # a dry run speaks to stdout
    assert done.returncode != 0 and "Error in rule" not in said
    return [line for line in said.splitlines() if line.startswith("synthaug:")]


def test_a_key_that_stands_twice_stops_before_anything_runs(checkout, raw):
    write_study(checkout, raw)
    twice = checkout.root / "config" / "studies" / "twice.yaml"
    twice.write_text((checkout.root / STUDY).read_text() + "\nsynthesis: {subjects: 4}\n")
    (line,) = refusals(checkout, "--dry-run", study=str(twice))
    assert "twice.yaml: line " in line and "key synthesis stands in line" in line


def test_braces_in_the_root_are_refused_in_words(checkout, raw, tmp_path):
    (tmp_path / "raw {1}").symlink_to(raw)
    write_study(checkout, tmp_path / "raw {1}")
    (line,) = refusals(checkout, "--dry-run")
    assert "datasets.clinic.root" in line and "braces" in line


def test_a_cluster_that_forgets_finished_jobs_is_refused_at_the_start(checkout, raw, tmp_path, monkeypatch):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    for name, text in {
        "sacct": "echo disabled >&2; exit 1",
        "scontrol": "echo 'MinJobAge = 2 sec'",
        "sbatch": "",
        "sinfo": "echo main",
        "squeue": "",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    write_study(checkout, raw)
    shutil.rmtree(checkout.root / COHORT, ignore_errors=True)
    profile = [
        "--profile",
        "profiles/slurm",
        "--default-resources",
        "slurm_account=none",
        "mem_mb=1",
        "runtime=1",
    ]
    (line,) = refusals(checkout, *profile, "--", COHORT)
    assert "MinJobAge of this Slurm is 2 s" in line


def test_a_checkout_with_spaces_and_quotes_in_its_path_runs(raw, tmp_path):
    checkout = copy_repository(tmp_path / 'My Projects, it\'s "mine"' / "synthaug")
    write_study(checkout, raw, minimum_subjects=3)
    # An environment inside the checkout, as `make` puts it: every job's Python has the space in its path.
    (checkout.root / ".venv").symlink_to(sys.prefix)
    python = str(checkout.root / ".venv" / "bin" / "python")
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src")}
    command = [python, "-m", "snakemake", "--configfile", STUDY, "--cores", "2", COHORT]
    done = subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (checkout.root / COHORT / "cohort.json").is_file()
