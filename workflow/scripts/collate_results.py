"""Collate all result rows into a versioned table, with all that is needed to trace them."""

from pathlib import Path

import yaml

from synthaug.config.arms import Arm
from synthaug.core.provenance import environment, run_record
from synthaug.jobs.job import job
from synthaug.report.summary_formats import summary_files
from synthaug.runs import read_runs
from synthaug.statistics.generator_ranking import ranking_files
from synthaug.tables.completeness import check_complete, check_roles, check_splits
from synthaug.tables.manifest import as_tsv, code_manifest, data_manifest, trainings_manifest
from synthaug.tables.versions import publish, write_current

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    # Snakemake gives it with the `..` of a rule file in it.
    repository = Path(snakemake.scriptdir).resolve().parents[1]
    arms = [Arm(**arm) for arm in params.arms]
    runs = read_runs(inputs.runs)
    check_splits(runs)

    def companions(rows):
        check_complete(rows, arms, runs)
        check_roles(rows, runs)
        return {
            **summary_files(rows),
            **ranking_files(rows),
            "configuration.yaml": yaml.safe_dump(params.study, sort_keys=False, allow_unicode=True),
            "environment.lock": environment(),
            "code_manifest.tsv": as_tsv(code_manifest(repository, params.plugins)),
            "data_manifest.tsv": as_tsv(data_manifest(runs)),
            "trainings.tsv": as_tsv(trainings_manifest(runs)),
        }

    current = Path(snakemake.output.current)
    row_files = [*inputs.scores, inputs.comparisons, *inputs.measures]
    record = run_record(params.study, repository)
    write_current(current, publish(row_files, current.parent, record, companions), params.study)
