"""What a study brings along reruns the jobs that use it: code of plugins, tables and masks of requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from checkout import copy_repository

pytestmark = pytest.mark.workflow

READER = """
from synthaug.data.readers.base import Reader

class Mine(Reader):
    patterns = ("*.tsv",)

    def find(self, root):
        return []
"""
EXTRACTOR = """
from synthaug.features.base import Extractor

class Mine(Extractor):
    @classmethod
    def build(cls, settings, weights):
        return cls()

    def extract(self, cine):
        return {}
"""


#: Prints input files and code of every job of a study, by rule.
INPUTS = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

with SnakemakeApi(OutputSettings()) as api:
    made = api.workflow(
        resource_settings=ResourceSettings(cores=1),
        config_settings=ConfigSettings(configfiles=[Path(sys.argv[1])]),
        snakefile=Path("Snakefile"),
    )
    workflow = made.dag().workflow_api._workflow
    workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
    workflow._build_dag()
    inputs = {}
    for job in workflow.dag.jobs:
        inputs.setdefault(job.rule.name, []).append([job.params.get("code"), *map(str, job.input)])
    Path("inputs.json").write_text(json.dumps(inputs))
"""


def inputs_of_jobs(checkout, study):
    """Hash of the code, and input files, of each job of a study, by rule."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src")}
    command = [sys.executable, "-c", INPUTS, study]
    subprocess.run(command, cwd=checkout.root, env=environment, check=True, capture_output=True)
    return json.loads((checkout.root / "inputs.json").read_text())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("doors") / "synthaug")


def test_code_and_requests_of_the_user_count(checkout, tmp_path):
    (checkout.root / "my_reader.py").write_text(READER)
    (checkout.root / "my_extractor.py").write_text(EXTRACTOR)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "patients.tsv").write_text("id\n")
    atlas = tmp_path / "atlas"
    (atlas / "sub-a").mkdir(parents=True)
    for name in ("cohort.json", "subjects.tsv", "sub-a/labels.nii.gz"):
        (atlas / name).touch()
    study = yaml.safe_load((checkout.root / "config" / "studies" / "tiny.yaml").read_text())
    study["datasets"]["mine"] = {"layout": "plugin", "class": "my_reader:Mine", "root": str(tmp_path / "raw")}
    study["evaluation"]["extractors"]["mine"] = {"kind": "plugin", "class": "my_extractor:Mine"}
    study["synthesis"]["requests"] = {"source": "cohort", "cohort": str(atlas)}
    (checkout.root / "config" / "studies" / "doors.yaml").write_text(yaml.safe_dump(study))
    inputs = inputs_of_jobs(checkout, "config/studies/doors.yaml")
    for rule, jobs, files in (
        ("harmonise", 1, ("patients.tsv",)),
        ("plan_requests", 2, ("cohort.json", "subjects.tsv", "sub-a/labels.nii.gz")),  # two chunks
    ):
        found = [all(any(name.endswith(file) for name in job) for file in files) for job in inputs[rule]]
        assert found.count(True) == jobs, rule
    for module in ("my_reader.py", "my_extractor.py"):
        source = checkout.root / module
        source.write_text(source.read_text() + "EDITED = 1\n")
    edited = inputs_of_jobs(checkout, "config/studies/doors.yaml")
    codes = {rule: {job[0] for job in jobs} for rule, jobs in inputs.items()}
    changed = {rule for rule, jobs in edited.items() if {job[0] for job in jobs} != codes[rule]}
    own = {"harmonise", "extract_real_features", "extract_synthetic_features"}
    assert own <= changed and not {"train_model", "train_task", "synthesise_chunk", "render_report"} & changed
    assert len(codes["harmonise"] & {job[0] for job in edited["harmonise"]}) == 2  # of the other datasets


def test_a_table_of_requests_that_is_missing_stops_the_study(checkout):
    requests = json.dumps({"requests": {"source": "table", "table": "nowhere.tsv"}})
    done = checkout.run(
        "config/studies/tiny.yaml", "--dry-run", "--config", f"synthesis={requests}", check=False
    )
    assert done.returncode and "nowhere.tsv" in done.stdout + done.stderr
