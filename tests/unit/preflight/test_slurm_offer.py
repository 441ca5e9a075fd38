"""What a cluster offers, by stand-ins of Slurm's programs, and the lines for the profile."""

from __future__ import annotations

import shutil

import pytest
import yaml

from synthaug.cli import main
from synthaug.preflight.slurm_offer import partition_lines, profile_lines, read_partitions

#: Two sorts of nodes in one partition, a GPU partition with a short limit, one that is down.
LISTED = """\
cpu*|up|2-00:00:00|10|64|256000|(null)
gpu|up|4:00:00|2|32|512000|gpu:a100:4(S:0-1)
gpu|up|4:00:00|1|64|1000000|gpu:h100:8
old|down|infinite|3|8|16000+|gpu:2
"""


def test_partitions_are_joined_and_their_limits_are_minutes():
    cpu, gpu, old = read_partitions(LISTED)
    assert (cpu.name, cpu.default, cpu.limit_min, cpu.gpus) == ("cpu", True, 2 * 24 * 60, ())
    assert gpu[3:] == (240, 3, 64, 1_000_000, ("gpu:a100:4", "gpu:h100:8"))
    assert (old.up, old.limit_min, old.memory_mb) == (False, None, 16_000)
    assert [one.limit_min for one in read_partitions("a|up|30:00|1|1|1|x\nb|up|n/a|1|1|1|x")] == [30, None]


def test_the_lines_are_yaml_that_a_profile_takes():
    lines = [*profile_lines(read_partitions(LISTED), True, ["heart", "other"])]
    read = yaml.safe_load("\n".join(lines))
    # A partition by default would be that of all jobs, those with a GPU too.
    assert read["default-resources"] == {"slurm_account": "heart"}
    assert read["slurm-partition-config"] == "partitions.yaml"
    assert read["set-resources"] == {rule: {"runtime": 240} for rule in ("train_model", "train_task")}
    assert read["slurm-status-command"] == "squeue"
    assert any("gpu ends jobs after 4 h" in line for line in lines)
    alone = [*profile_lines(read_partitions("all*|up|infinite|2|64|256000|gpu:2"), True)]
    assert yaml.safe_load("\n".join(alone))["default-resources"] == {"slurm_partition": "all"}
    forgets = "MinJobAge of this Slurm is 2 s"
    assert next(profile_lines(read_partitions(LISTED), True, (), forgets)) == "slurm-status-command: sacct"
    assert forgets in next(profile_lines(read_partitions(LISTED), False, (), forgets))
    bare = [*profile_lines(read_partitions(LISTED.splitlines()[0]), False)]
    assert any("No partition has a GPU" in line for line in bare)


def test_the_plugin_reads_the_file_of_partitions(tmp_path):
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm.partitions")
    (tmp_path / "partitions.yaml").write_text("\n".join(partition_lines(read_partitions(LISTED))))
    cpu, gpu = plugin.read_partition_file(tmp_path / "partitions.yaml")
    assert (cpu.name, cpu.limits.max_runtime, cpu.limits.max_gpu) == ("cpu", 2880, 0)
    assert (gpu.name, gpu.limits.max_runtime, gpu.limits.max_gpu) == ("gpu", 240, 8)
    assert (gpu.limits.max_threads, gpu.limits.max_mem_mb) == (64, 1_000_000)
    assert not [*partition_lines(read_partitions("all*|up|infinite|2|64|256000|gpu:2"))]


def test_the_command_prints_them_and_says_in_one_line_where_there_is_no_slurm(tmp_path, monkeypatch, capsys):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["slurm-check"]) == 1
    assert capsys.readouterr().err.startswith("synthaug: this is not a Slurm machine (sbatch not found)")
    config = "ClusterName = heart\\nMinJobAge = 300 sec\\nKillWait = 30 sec\\nJobRequeue = 1\\nSLURM_VERSION = 24.05"
    listed = LISTED.splitlines()[0]
    for name, text in {
        "sbatch": "",
        "squeue": "",
        "sacct": "echo disabled >&2; exit 1",
        "sinfo": f"echo '{listed}'",
        "scontrol": f"printf '{config}'",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "which").symlink_to(shutil.which("which", path="/usr/bin:/bin") or "/usr/bin/which")
    assert main(["slurm-check"]) == 0
    said = capsys.readouterr().out
    assert "Slurm 24.05, cluster heart" in said and "accounting: no use here (disabled)" in said
    assert "partition cpu (default): 10 nodes of up to 64 cores and 256 GB, no GPU, time limit 48 h" in said
    assert "slurm-status-command: squeue" in said and "\n  slurm_partition: cpu\n" in said
    (tmp_path / "sinfo").write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    assert main(["slurm-check"]) == 1
    assert "sinfo: Unable to contact slurm controller; Slurm is installed here but" in capsys.readouterr().err
