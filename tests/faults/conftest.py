"""What all faults are compared with."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from checkout import TINY, Checkout, copy_repository

#: Up to a synthetic cohort: training, sampling, and what comes before.
COHORT = "results/tiny/synthetic/cascade/fold-0/generator-seed-0/cohort"


class Undisturbed(NamedTuple):
    """A study that nothing happened to, and the command that ran it."""

    checkout: Checkout
    command: list[str]


@pytest.fixture(scope="package")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The tiny study up to a synthetic cohort."""
    checkout = copy_repository(tmp_path_factory.mktemp("quiet") / "synthaug")
    command = [COHORT, "--cores", "2", "--configfile", TINY, "--rerun-incomplete"]
    checkout.snakemake(*command)
    return Undisturbed(checkout, command)
