"""What all tests share: the tiny study, run once, and a search path that no file leaves changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from checkout import TINY, Checkout, copy_repository
from small_cluster import slurm_can_start, start_slurm


@pytest.fixture(autouse=True, scope="module")
def own_search_path() -> Iterator[None]:
    """A plugin's folder stays on the search path of the process that loaded it: not for the next file of tests."""
    before = [*sys.path]
    yield
    sys.path = before


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
