"""Draw the figures and gather the content of the report."""

from pathlib import Path

from synthaug.config.arms import Arm
from synthaug.config.report import ReportSettings
from synthaug.jobs.job import job
from synthaug.report.gather import gather_content
from synthaug.report.inputs import report_inputs
from synthaug.runs import read_runs
from synthaug.tables.versions import current_version

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    gather_content(
        report_inputs(
            read_runs(inputs.runs),
            tables=current_version(inputs.current),
            study=params.study,
            arms=[Arm(**arm) for arm in params.arms],
            datasets=params.datasets,
            design_warnings=params.design_warnings,
        ),
        ReportSettings.model_validate(params.study["report"]),
        Path(snakemake.output.content),
    )
