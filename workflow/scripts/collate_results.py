"""Collate all result rows into a versioned table, with all that is needed to trace them."""

from pathlib import Path

import yaml

from synthaug.config.arms import Arm
from synthaug.core.job import job
from synthaug.core.provenance import environment, run_record
from synthaug.report.summary_formats import summary_files
from synthaug.tables.completeness import check_complete
from synthaug.tables.manifest import Training, as_tsv, code_manifest, data_manifest, trainings_manifest
from synthaug.tables.versions import publish, write_current

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    repository = Path(snakemake.scriptdir).parents[1]
    arms = [Arm(**arm) for arm in params.arms]
    real = dict(zip(params.study["datasets"], map(Path, inputs.cohorts), strict=True))
    splits = {Path(path).stem: Path(path) for path in inputs.splits}
    synthetic = {
        f"{generator}/fold-{fold}/draw-{draw}": Path(cohort)
        for (generator, fold, draw), cohort in zip(params.runs, inputs.synthetic, strict=True)
    } | {
        f"{generator}/fold-{fold}/draw-{draw}/grid": Path(cohort)
        for (generator, fold, draw), cohort in zip(params.grid_runs, inputs.grids, strict=True)
    }
    models = [
        Training("model", model, fold, None, seed, Path(record))
        for (model, fold, seed), record in zip(params.models, inputs.models, strict=True)
    ]
    segmenters = [
        Training("segmenter", arm, fold, draw, seed, Path(folder) / "training.json")
        for (arm, fold, draw, seed), folder in zip(params.segmenters, inputs.segmenters, strict=True)
    ]

    def companions(rows):
        check_complete(rows, arms, params.folds, params.draws, params.seeds)
        return {
            **summary_files(rows),
            "configuration.yaml": yaml.safe_dump(params.study, sort_keys=False, allow_unicode=True),
            "environment.lock": environment(),
            "code_manifest.tsv": as_tsv(code_manifest(repository, params.plugins)),
            "data_manifest.tsv": as_tsv(data_manifest(real, splits, synthetic)),
            "trainings.tsv": as_tsv(trainings_manifest([*models, *segmenters])),
        }

    current = Path(snakemake.output.current)
    row_files = [*inputs.scores, inputs.comparisons, *inputs.generators]
    record = run_record(params.study, repository)
    write_current(current, publish(row_files, current.parent, record, companions))
