"""Result tables and page of an unfinished study, in a folder of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from synthaug.config.design_warnings import design_warnings
from synthaug.config.plugins import plugin_modules
from synthaug.config.report import ReportSettings
from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import read_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.imports import PACKAGE
from synthaug.core.leftovers import temporary_folder
from synthaug.core.provenance import environment, run_record
from synthaug.partial.absent import Absent, absent_results, failed_rows, present_runs
from synthaug.preflight.lost_records import CONFIGURATION
from synthaug.report.gather import gather_content
from synthaug.report.inputs import report_inputs
from synthaug.report.render import render
from synthaug.report.summary_formats import summary_files
from synthaug.runs import arm_runs, arms_of_task, list_runs, measure_files, score_files
from synthaug.statistics.generator_ranking import ranking_files
from synthaug.statistics.tasks import ComparedTask
from synthaug.statistics.unfinished import compare_finished
from synthaug.tables import make_table
from synthaug.tables.completeness import check_complete, check_roles, check_splits
from synthaug.tables.manifest import as_tsv, code_manifest, data_manifest, trainings_manifest
from synthaug.tables.partial import ABSENT
from synthaug.tables.schema import read_rows
from synthaug.tables.versions import publish

FOLDER = "partial"


class Collated(NamedTuple):
    """What was collated.

    Attributes
    ----------
    version, page : Path
        Folder of the table version; HTML file.
    absent : list of Absent
        Row files that it lacks.
    """

    version: Path
    page: Path
    absent: list[Absent]


def collate_partial(results: Path) -> Collated:
    """Collate what an unfinished study has, and show it on a page that says so first.

    Rows are taken as they lie there: whether their inputs have changed since is known to Snakemake alone. Comparisons
    are measured anew over the arms of which every training was scored. ``tables/`` is not touched: the next complete run
    publishes its version there.

    Parameters
    ----------
    results : path
        The study's results, ``results/<study>``. Receives ``partial/v001/`` (or the next number), a table version with
        rows of status failed and ``absent.tsv`` beside them, ``partial/report/`` and ``partial/report.html``.

    Raises
    ------
    SynthaugError
        The folder has no study that was started, nothing is missing, or nothing is there to tabulate.
    """
    study = _declared(results)
    absent = absent_results(study, results)
    if not absent:
        raise SynthaugError(
            f"{results}: nothing is missing; run snakemake, which collates the complete tables"
        )
    gone = {missing.file for missing in absent}
    scores = [file for file in score_files(study) if file not in gone]
    measures = [file for file in measure_files(study) if file not in gone]
    if not scores and not measures:
        raise SynthaugError(f"{results}: no result rows yet; run snakemake --keep-going, and see its logs")
    base = results.absolute().parents[1]
    arms = list(study.every_arm().values())
    runs = list(present_runs(list_runs(study), base))
    check_splits(runs)
    lacking = [
        run.name
        for run in list_runs(study)
        if run.kind == "dataset" and not (base / str(run.cohort)).exists()
    ]
    if lacking:
        raise SynthaugError(
            f"{results}: dataset {lacking[0]} was not harmonised; run snakemake harmonise_all"
        )
    plugins = plugin_modules(study)
    content = study.model_dump(mode="json", exclude={"report"})

    def companions(rows: pd.DataFrame) -> dict[str, str]:
        check_complete(rows, arms, list_runs(study))
        check_roles(rows, runs)
        return {
            ABSENT: as_tsv(pd.DataFrame([missing[:2] for missing in absent], columns=["file", "reason"])),
            **summary_files(rows),
            **ranking_files(rows),
            "configuration.yaml": yaml.safe_dump(content, sort_keys=False, allow_unicode=True),
            "environment.lock": environment(),
            "code_manifest.tsv": as_tsv(code_manifest(PACKAGE.parents[1], plugins)),
            "data_manifest.tsv": as_tsv(data_manifest(runs)),
            "trainings.tsv": as_tsv(trainings_manifest(runs)),
        }

    record = {**run_record(content, PACKAGE.parents[1]), "complete": False, "absent_files": len(absent)}
    with temporary_folder("partial") as temporary:
        made = Path(temporary)
        write_tsv(made / "failed.tsv", make_table(failed_rows(study, absent)))
        write_tsv(made / "comparisons.tsv", _comparisons(study, [results / file for file in scores], absent))
        files = [*(results / file for file in scores), made / "comparisons.tsv"]
        files += [*(results / file for file in measures), made / "failed.tsv"]
        version = results / FOLDER / publish(files, results / FOLDER, record, companions)
    title = f"Partial results: {study.title or study.name}"
    gather_content(
        report_inputs(
            runs,
            tables=version,
            study={**content, "title": title},
            arms=arms,
            datasets=[name for name, dataset in study.datasets.items() if dataset.split],
            design_warnings=design_warnings(study),
        ),
        ReportSettings(),
        results / FOLDER / "report",
    )
    page = results / FOLDER / "report.html"
    render(results / FOLDER / "report", page)
    return Collated(version, page, absent)


def _declared(results: Path) -> StudySettings:
    """The study as Snakemake last started it."""
    file = results / CONFIGURATION
    if not file.is_file():
        raise SynthaugError(f"{file}: no such file; give results/<study> of a study that snakemake started")
    study = load_study(read_json(file))
    if results.absolute().parts[-2:] != ("results", study.name):
        raise SynthaugError(f"{results}: holds study {study.name}; give results/{study.name}")
    return study


def _comparisons(study: StudySettings, scores: Sequence[Path], absent: Sequence[Absent]) -> pd.DataFrame:
    tables = [table for table in map(read_rows, scores) if len(table)]
    rows = pd.concat(tables, ignore_index=True) if tables else make_table([])
    tasks = [
        ComparedTask(
            name, tuple(task.declared_family), list(arms_of_task(study, name).values()), task.primary_metric
        )
        for name, task in study.tasks.items()
    ]
    return compare_finished(rows, tasks, _unfinished(study, absent), study.evaluation)


def _unfinished(study: StudySettings, absent: Sequence[Absent]) -> dict[str, dict[str, str]]:
    """Task -> arm -> how many of its trainings are missing."""
    found: dict[str, dict[str, str]] = {}
    planned, missing = arm_runs(study), [entry.run for entry in absent if entry.run]
    for run in missing:
        count, every = (
            sum((other.task, other.arm) == (run.task, run.arm) for other in runs)
            for runs in (missing, planned)
        )
        found.setdefault(run.task, {})[run.arm] = f"{count} of {every} trainings are missing"
    return found
