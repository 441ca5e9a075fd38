"""An edit of a rule's script reruns the rule; new times of the files of a checkout and comments do not."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from checkout import TINY, copy_repository
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

pytestmark = pytest.mark.workflow

RAW = "results/tiny/raw/phantom-b"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout in which one job is done."""
    made = copy_repository(tmp_path_factory.mktemp("edited") / "synthaug")
    made.run(TINY, RAW)
    return made


def test_new_times_of_all_scripts_rerun_nothing(checkout):
    """As in a fresh clone beside older results."""
    for file in (checkout.root / "workflow" / "scripts").iterdir():
        os.utime(file)
    assert checkout.would_run(TINY, RAW) == {}


@pytest.mark.parametrize(
    ("added", "again"),
    [("\n# edited\n", {}), ('\n"""Edited."""\n', {}), ("\nEDITED = 1\n", {"write_phantom": 1})],
    ids=["comment", "docstring", "statement"],
)
def test_a_statement_in_a_script_reruns_its_rule(checkout, added, again):
    script = checkout.root / "workflow" / "scripts" / "write_phantom.py"
    original = script.read_text()
    try:
        script.write_text(original + added)
        assert checkout.would_run(TINY, RAW) == again
    finally:
        script.write_text(original)


def test_every_rule_counts_the_code_of_the_script_that_it_runs(checkout, monkeypatch):
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            ResourceSettings(), snakefile=checkout.root / "Snakefile", workdir=checkout.root
        )
        rules = [rule for rule in workflow._workflow.rules if rule.script]
    # The functions of the rule files share their names; what code follows from a study does not matter here.
    names = rules[0].params.code.__globals__
    monkeypatch.setitem(names, "code_of", lambda script, *modules: script)
    monkeypatch.setitem(names, "study", MagicMock())
    for modules in ("model_modules", "generator_modules", "extractor_modules", "module_of"):
        monkeypatch.setitem(names, modules, lambda *_: [])
    counted = {rule.name: rule.params.code(MagicMock()) for rule in rules}
    assert len(counted) > 60 and counted == {rule.name: Path(rule.script).stem for rule in rules}
