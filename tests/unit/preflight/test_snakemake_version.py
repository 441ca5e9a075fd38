"""Which Snakemake: the same in pyproject.toml and at the start of a run."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.preflight.snakemake_version import SUPPORTED, check_snakemake_version

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_the_package_asks_for_the_versions_that_a_run_takes():
    assert f"snakemake{SUPPORTED}" in tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    check_snakemake_version()


@pytest.mark.parametrize("version", ["9.26.0", "9.28.0", "10.0"])
def test_another_version_is_one_line_with_the_remedy(version):
    with pytest.raises(SynthaugError) as refused:
        check_snakemake_version(version)
    said = str(refused.value)
    assert said.startswith(f"Snakemake {version} was not tried") and f"'snakemake{SUPPORTED}'" in said
    assert "\n" not in said
