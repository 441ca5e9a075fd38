"""The tiny study through a real single-node Slurm, as on a cluster."""

from __future__ import annotations

import re

import pytest
from checkout import Checkout
from requirements import require
from small_cluster import slurm_can_start

pytestmark = pytest.mark.slurm


def test_the_tiny_study_runs_through_slurm(request: pytest.FixtureRequest) -> None:
    require("slurm", slurm_can_start(), "needs slurm-wlm and munge, and to be root to start them")
    tiny: Checkout = request.getfixturevalue("tiny")
    assert (tiny.root / "results" / "tiny" / "report.html").is_file()
    submitted = re.findall(r"SLURM jobid \d+", (tiny.root / "first-run.log").read_text())
    assert len(set(submitted)) > 50
