"""Clusters that forget finished jobs, by stand-ins of Slurm's programs, and options that Snakemake overrides."""

from __future__ import annotations

import os
import shutil

import pytest

from synthaug.preflight.slurm import (
    forgotten_jobs,
    lost_options,
    overridden_options,
    slurm_trouble,
    unknown_partitions,
)

pytest.importorskip("snakemake_executor_plugin_slurm")
NO_ACCOUNTING = "#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2\nexit 1\n"


def cluster(folder, monkeypatch, age, sacct):
    """Programs that say MinJobAge and answer sacct; None: the program is missing."""
    programs = {"sacct": sacct, "scontrol": age and f"#!/bin/sh\necho 'MinJobAge               = {age}'\n"}
    for name, text in programs.items():
        if text:
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
    (folder / "which").symlink_to(shutil.which("which") or "/usr/bin/which")
    (folder / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("age", "sacct", "wanted", "said"),
    [
        ("300 sec", NO_ACCOUNTING, "squeue", None),
        ("300 sec", None, "squeue", None),
        ("2 sec", "#!/bin/sh\n", "squeue", None),  # the plugin falls back to a sacct that works
        ("2 sec", "#!/bin/sh\n", "sacct", None),
        (
            "2 sec",
            NO_ACCOUNTING,
            "squeue",
            "MinJobAge of this Slurm is 2 s, and sacct does not help (Slurm acc",
        ),
        ("2 sec", None, "squeue", "is 2 s, and sacct does not help (it is not installed)"),
        ("150 sec", NO_ACCOUNTING, "squeue", "is 150 s, and sacct does not help (it is not asked)"),
        (None, NO_ACCOUNTING, "squeue", "is not known, and sacct does not help"),
        ("300 sec", NO_ACCOUNTING, "sacct", "set slurm-status-command: squeue"),
        (None, None, "squeue", None),
    ],
)
def test_a_cluster_that_forgets_jobs_is_known_at_the_start(tmp_path, monkeypatch, age, sacct, wanted, said):
    cluster(tmp_path, monkeypatch, age, sacct)
    found = forgotten_jobs(wanted, 40)
    assert found is None if said is None else said in (found or "") and "\n" not in (found or "")
    assert os.environ["PATH"] == str(tmp_path)


def test_a_machine_without_slurm_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,) = slurm_trouble(None)
    assert line == "this is not a Slurm machine (sbatch not found); use --profile profiles/local"
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    (line,) = slurm_trouble(None)
    assert "neither squeue nor sacct found" in line and "--profile profiles/local" in line


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("--exclusive --mail-type=END", []),
        ("--output=x.log", ["--output is set by Snakemake, which overrides it; leave it out"]),
        ("-o x.log", ["--output is set by Snakemake, which overrides it; leave it out"]),
        ("'--qos=high'", ["--qos is set by Snakemake, which overrides it; use qos instead"]),
        ("-pgpu --comment 'a b'", ["--partition is set by", "--comment is set by"]),
        ("--nice '", ["cannot be read"]),
    ],
)
def test_options_that_snakemake_sets_itself(extra, said):
    found = overridden_options(extra)
    assert len(found) == len(said)
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True))


def test_the_same_option_of_all_rules_is_said_once():
    lines = lost_options([("a", "--mem=1"), ("b", "--mem=1"), ("c", "--time=1")])
    assert [line[:7] for line in lines] == ["rule a:", "rule c:"]


def test_a_partition_that_the_cluster_does_not_have_is_one_line(tmp_path, monkeypatch):
    given = [("a", "main"), ("b", "nope"), ("c", "gpu,nope"), ("d", "'old'")]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unknown_partitions(given) == []  # it cannot be asked
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho main\necho gpu\necho main\n")
    (tmp_path / "sinfo").chmod(0o755)
    assert unknown_partitions(given) == [
        "rule b: slurm_partition nope is no partition of this cluster (gpu, main); correct it in the profile",
        "rule d: slurm_partition old is no partition of this cluster (gpu, main); correct it in the profile",
    ]
    (tmp_path / "sinfo").write_text("#!/bin/sh\nexit 1\n")
    assert unknown_partitions(given) == []
