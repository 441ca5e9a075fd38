"""What Snakemake reads by itself is read again: studies, profiles, keys of the command line."""

from __future__ import annotations

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.preflight.settings_files import check_settings_files, values_of

TWICE = "jobs: 1\nset-resources:\n  a: {gpu: 1}\nset-resources:\n  b: {gpu: 1}\n"


def refusal(*arguments, **keywords):
    with pytest.raises(SynthaugError) as caught:
        check_settings_files(*arguments, **keywords)
    return str(caught.value)


def test_values_of_an_option():
    given = ["--config", "a=1", "b=2", "--cores", "2", "--config=c=3", "all"]
    assert values_of(given, "--config", "-C") == [["a=1", "b=2"], ["c=3"]]


def test_every_study_file_counts(tmp_path):
    (tmp_path / "a.yaml").write_text("x: 1\n")
    (tmp_path / "b.yaml").write_text("x: 1\nx: 2\n")
    check_settings_files([tmp_path / "a.yaml"])
    assert "b.yaml: line 2: key x stands in line 1" in refusal([tmp_path / "a.yaml", tmp_path / "b.yaml"])


@pytest.mark.parametrize("how", ["--profile", "--workflow-profile", "default", "environment", "file"])
def test_a_profile_counts_however_it_is_named(tmp_path, how):
    folder = tmp_path / "profiles" / ("default" if how == "default" else "mine")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(TWICE)
    arguments = {
        "--profile": ["--profile", "profiles/mine", "all"],
        "--workflow-profile": ["--workflow-profile=mine"],
        "file": ["--profile", str(folder / "config.yaml")],
    }.get(how, ["all"])
    environment = {"SNAKEMAKE_PROFILE": str(folder)} if how == "environment" else {}
    said = refusal([], arguments, environment, [tmp_path])
    assert "config.yaml: line 4: key set-resources stands in line 2 already" in said


def test_a_time_of_day_in_a_profile_is_said(tmp_path):
    (tmp_path / "config.yaml").write_text("default-resources: {runtime: 24:00:00}\n")
    said = refusal([], ["--profile", str(tmp_path)])
    assert "default-resources.runtime: 24:00:00 is read as 86400" in said


def test_keys_of_the_command_line():
    check_settings_files([], ["--config", "name=x", 'models={"a": {"b": 010}}', "-n"])
    assert "--config models: key a.b stands in line 1" in refusal(
        [], ["--config", 'models={"a": {"b": 1, "b": 2}}']
    )
    assert "--config is given 2 times" in refusal([], ["--config", "a=1", "-n", "-C", "b=2"])


PROFILE = """\
set-resources:
  train_model: {gpu: 4, nodes: 1}
  train_task: {runtime: 60}
default-resources: [mem_mb=8000, runtime=60]
resources: [gpu=1]
"""


@pytest.mark.parametrize(
    ("option", "values", "lost"),
    [
        ("--set-resources", ["train_model:runtime=2880"], "train_model:gpu, train_model:nodes and 1 more"),
        ("--default-resources", ["slurm_account=x", "mem_mb=1"], "runtime would be lost"),
        ("--resources", ["mem_mb=24000"], "gpu would be lost"),
        ("--res", ["mem_mb=24000"], "gpu would be lost"),
        ("--default-res", ["slurm_account=x", "mem_mb=1"], "runtime would be lost"),
        ("--set-res", ["train_model:runtime=2880"], "train_model:gpu"),
    ],
)
def test_an_option_that_takes_entries_of_the_profile_away_is_refused(tmp_path, option, values, lost):
    (tmp_path / "config.yaml").write_text(PROFILE)
    with pytest.raises(SynthaugError, match=lost) as refusal:
        check_settings_files([], ["--profile", str(tmp_path), option, *values])
    assert len(str(refusal.value).splitlines()) == 1


def test_an_option_that_gives_all_entries_of_the_profile_is_none_of_our_business(tmp_path):
    (tmp_path / "config.yaml").write_text(PROFILE)
    given = ["--resources", "gpu=4", "--default-resources", "mem_mb=1", "runtime=5", "slurm_account=x"]
    check_settings_files([], ["--profile", str(tmp_path), *given])
