"""One job alone for a debugger: found by its file, and in one line why it cannot be."""

from __future__ import annotations

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.jobs import debug_job
from synthaug.jobs.debug_job import find_job

WORKFLOW = """
rule made:
    output: "made.txt"
    script: "make.py"
rule raw_is_missing:
    input: "raw.txt"
    output: "of_raw.txt"
    script: "make.py"
"""


@pytest.fixture(autouse=True)
def workflow(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").write_text(WORKFLOW)
    (tmp_path / "make.py").write_text("")
    monkeypatch.chdir(tmp_path)


def test_the_job_of_a_file_is_its_script_and_what_snakemake_would_give_it(tmp_path):
    script, given = find_job("made.txt")
    assert script == tmp_path / "make.py" and list(given.output) == ["made.txt"] and given.rule == "made"


def test_a_file_that_no_rule_makes_is_one_line():
    with pytest.raises(SynthaugError, match=r"^mode\.txt: no rule makes it; "):
        find_job("mode.txt")


def test_a_study_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(SynthaugError, match=r"no\.yaml: no such file; give the study file"):
        find_job("made.txt", [tmp_path / "no.yaml"])


def test_what_snakemake_refuses_ends_without_a_traceback():
    with pytest.raises(SystemExit, match=r"raw\.txt"):
        debug_job.main(["of_raw.txt"])
