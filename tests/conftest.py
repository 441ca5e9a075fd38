"""The tiny study from raw data to its report, run once for all tests that look at it."""

from __future__ import annotations

import pytest
from checkout import TINY, Checkout, copy_repository
from small_cluster import slurm_can_start, start_slurm


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished study: run through Slurm where it can be started, else by this machine alone."""
    checkout = copy_repository(tmp_path_factory.mktemp("tiny") / "synthaug")
    if slurm_can_start():
        start_slurm()
        done = checkout.snakemake("all", "--profile", "profiles/ci", "--configfile", TINY)
    else:
        done = checkout.run(TINY)
    (checkout.root / "first-run.log").write_text(done.stdout + done.stderr)
    return checkout
