"""What Snakemake and jobs wrote down, but no job reads, may be lost."""

from __future__ import annotations

import shutil

import pytest

pytestmark = pytest.mark.workflow


def test_nothing_reruns_when_logs_are_lost(quiet):
    root = quiet.checkout.root
    for folder in (root / "results" / "tiny" / "logs", root / ".snakemake" / "log"):
        shutil.rmtree(folder)
    done = quiet.checkout.snakemake(*quiet.command, "--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr
