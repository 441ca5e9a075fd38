"""A rule depends on exactly the package files that its script imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.core.imports import PACKAGE, imported_files

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"


def names(files: list[str]) -> set[str]:
    return {str(Path(file).relative_to(PACKAGE)) for file in files}


def test_direct_indirect_and_function_level_imports_count(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import numpy\ndef f():\n    from synthaug.data import cohort\n")
    assert names(imported_files([script])) == {
        "__init__.py",
        "config/__init__.py",
        "config/conditions.py",
        "core/__init__.py",
        "core/artifacts.py",
        "core/errors.py",
        "data/__init__.py",
        "data/cohort.py",
        "labels.py",
    }


def test_names_defined_in_a_package_are_not_modules(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from synthaug import __version__\n")
    assert names(imported_files([script])) == {"__init__.py"}


def test_modules_imported_by_name_count(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("")
    assert "tables/rows.py" in names(imported_files([script], ["synthaug.tables"]))


@pytest.mark.parametrize(
    ("module", "dependent", "independent"),
    [
        ("report/__init__.py", "render_report", "train_model"),
        ("data/harmonise.py", "harmonise", "train_task"),
        ("tasks/training_subjects.py", "choose_training_subjects", "synthesise_chunk"),
        ("statistics/comparisons.py", "compare_arms", "score_predictions"),
        ("synthesis/gate.py", "synthesise_chunk", "predict_cohort"),
    ],
)
def test_scripts_see_what_they_use_and_no_more(module, dependent, independent):
    assert module in names(imported_files([SCRIPTS / f"{dependent}.py"]))
    assert module not in names(imported_files([SCRIPTS / f"{independent}.py"]))


def test_every_script_imports_the_package():
    for script in SCRIPTS.glob("*.py"):
        assert "core/job.py" in names(imported_files([script])), script
