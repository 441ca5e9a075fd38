"""A study that is killed again and again ends with the files of one that was not."""

from __future__ import annotations

import pytest
from checkout import copy_repository
from faults import KILLS, FaultyRun, contents

pytestmark = pytest.mark.workflow


def test_kills_of_jobs_and_of_the_workflow_change_nothing(tmp_path, quiet):
    """The long set, to the tables and with preemptions by Slurm, is benchmarks/faults.py."""
    checkout = copy_repository(tmp_path / "synthaug")
    run = FaultyRun(checkout, quiet.command, seed=0)
    run.kill(KILLS, between_s=(0.1, 2))
    run.finish()
    assert [killed.partition(":")[0] for killed in run.killed] == [
        f"{kill.by.name} {kill.what}" for kill in KILLS
    ]
    results = checkout.root / "results" / "tiny"
    found, undisturbed = contents(results), contents(quiet.checkout.root / "results" / "tiny")
    assert "/models/autoencoder/fold-0/generator-seed-0/model.safetensors" in found
    assert found == undisturbed
    assert run.litter() == []
