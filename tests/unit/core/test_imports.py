"""A rule depends on exactly the package files that its script imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.config.models import ModelSettings
from synthaug.core.imports import PACKAGE, imported_files
from synthaug.core.registry import members, module_of

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
        "config/interpolations.py",
        "core/__init__.py",
        "core/artifacts.py",
        "core/disk.py",
        "core/errors.py",
        "core/file_times.py",
        "core/gzipped.py",
        "core/leftovers.py",
        "core/process_identity.py",
        "core/spreadsheets.py",
        "data/__init__.py",
        "data/cohort.py",
        "data/file_formats.py",
        "data/findings.py",
        "data/kernels.py",
        "data/native_grid.py",
        "data/nifti.py",
        "data/resampling.py",
        "data/stored_nifti.py",
        "labels.py",
        "views.py",
    }


def test_names_defined_in_a_package_are_not_modules(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from synthaug import __version__\n")
    assert names(imported_files([script])) == {"__init__.py"}


def test_what_only_type_checkers_import_does_not_count(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import typing\nif typing.TYPE_CHECKING:\n    from synthaug.core import errors\n"
        "else:\n    from synthaug.jobs import progress\n"
    )
    assert names(imported_files([script])) == {"__init__.py", "jobs/__init__.py", "jobs/progress.py"}


@pytest.mark.parametrize(
    "block",
    [
        "if a:\n    pass\nelif b:\n    {}",
        "for a in b:\n    pass\nelse:\n    {}",
        "while a:\n    {}",
        "with a:\n    {}",
        "try:\n    pass\nexcept ValueError:\n    {}",
        "try:\n    pass\nexcept* ValueError:\n    {}",
        "try:\n    pass\nfinally:\n    {}",
        "match a:\n    case 1:\n        {}",
        "class A:\n    async def f(self):\n        {}",
    ],
)
def test_an_import_counts_in_every_block(tmp_path, block):
    script = tmp_path / "script.py"
    script.write_text(block.format("import synthaug.jobs.progress"))
    assert "jobs/progress.py" in names(imported_files([script]))


@pytest.mark.parametrize(
    ("statement", "modules"),
    [
        ("from synthaug.metrics import dice", {"overlap"}),
        ("from synthaug.metrics import dice as overlap, frechet_distance", {"overlap", "frechet"}),
        ("from synthaug.metrics.overlap import dice", {"overlap"}),
        ("import synthaug.metrics.overlap", {"overlap"}),
        ("from synthaug.metrics import overlap", {"overlap"}),
    ],
)
def test_a_metric_counts_as_its_own_module(statement, modules, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"{statement}\n")
    found = {Path(name).stem for name in names(imported_files([script])) if name.startswith("metrics/")}
    assert found == {"__init__", *modules}


@pytest.mark.parametrize(
    "statement", ["import synthaug.metrics", "from synthaug import metrics", "from synthaug.metrics import *"]
)
def test_all_metrics_count_where_any_may_be_asked_for(statement, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"{statement}\n")
    found = names(imported_files([script]))
    assert {f"metrics/{module}.py" for module in ("overlap", "frechet", "surfels", "volumes")} <= found


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
        ("statistics/comparisons.py", "compare_arms", "render_report"),
        ("metrics/frechet.py", "measure_distances", "harmonise"),
        ("synthesis/gate.py", "synthesise_chunk", "predict_cohort"),
        ("phenotypes/registry.py", "measure_phenotypes", "harmonise"),
        ("text/grammar.py", "write_impressions", "pack_cohort"),
        ("text/grammar.py", "word_requests", "plan_requests"),
        ("models/phenotype_sampler.py", "measure_phenotype_sampling", "plan_requests"),
    ],
)
def test_scripts_see_what_they_use_and_no_more(module, dependent, independent):
    assert module in names(imported_files([SCRIPTS / f"{dependent}.py"]))
    assert module not in names(imported_files([SCRIPTS / f"{independent}.py"]))


@pytest.mark.parametrize("kind", members(ModelSettings))
def test_a_training_depends_on_the_metrics_that_it_records_and_no_others(kind):
    settings = members(ModelSettings)[kind]
    modules = [] if kind == "plugin" else [module_of(settings)]
    found = names(imported_files([SCRIPTS / "train_model.py"], modules))
    records = {"metrics/agreement.py", "metrics/overlap.py", "metrics/similarity.py"}  # of reconstructions
    metrics = {name for name in found if name.startswith("metrics/") and name != "metrics/__init__.py"}
    if kind.startswith("phenotype_"):
        records = {"metrics/volumes.py"}  # the density of myocardium, by which mass follows from volume
    without = ("plugin", "masked_autoencoder", "patient_recogniser", "text_encoder", "clip_text")
    assert metrics == (set() if kind in without else records)


def test_every_script_imports_the_package():
    for script in SCRIPTS.glob("*.py"):
        assert "jobs/job.py" in names(imported_files([script])), script
