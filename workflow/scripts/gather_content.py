"""Draw the figures and gather the content of the report."""

from pathlib import Path

from synthaug.config.arms import Arm
from synthaug.config.report import ReportSettings
from synthaug.core.job import job
from synthaug.report.gather import gather_content
from synthaug.report.inputs import FeatureMap, GridRun, ReportInputs, SyntheticRun, TrainingRun
from synthaug.tables.versions import current_version

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    gather_content(
        ReportInputs(
            tables=current_version(inputs.current),
            study=params.study,
            arms=[Arm(**arm) for arm in params.arms],
            cohorts=dict(zip(params.datasets, map(Path, inputs.cohorts), strict=True)),
            design_warnings=params.design_warnings,
            splits=dict(enumerate(map(Path, inputs.splits))),
            synthetic=[
                SyntheticRun(
                    generator,
                    fold,
                    seed,
                    Path(cohort),
                    rejections=Path(cohort) / "rejections.tsv",
                    volumes=Path(measured),
                    pairs=Path(pairs),
                )
                for (generator, fold, seed), cohort, measured, pairs in zip(
                    params.runs, inputs.synthetic, inputs.measured, inputs.pairs, strict=True
                )
            ],
            grids=[
                GridRun(generator, fold, seed, Path(cohort), Path(measured), Path(ranges))
                for (generator, fold, seed), cohort, measured, ranges in zip(
                    params.grid_runs, inputs.grids, inputs.grid_measured, inputs.grid_ranges, strict=True
                )
            ],
            maps=[
                FeatureMap(extractor, generator, fold, seed, Path(points))
                for (extractor, generator, fold, seed), points in zip(params.maps, inputs.maps, strict=True)
            ],
            models=[
                TrainingRun(model, fold, seed, Path(record), Path(record).with_name("history.csv"))
                for (model, fold, seed), record in zip(params.models, inputs.models, strict=True)
            ],
            segmenters=[
                TrainingRun(arm, fold, seed, Path(folder) / "training.json", Path(folder) / "history.csv")
                for (arm, fold, seed), folder in zip(params.segmenters, inputs.segmenters, strict=True)
            ],
        ),
        ReportSettings.model_validate(params.study["report"]),
        Path(snakemake.output.content),
    )
