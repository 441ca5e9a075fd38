"""Gather the labelled parts of a large cohort."""

from pathlib import Path

from synthaug.jobs.job import job
from synthaug.tasks.gather_parts import gather_labelled

with job(snakemake):
    gather_labelled(
        [Path(part) for part in snakemake.input.parts],
        Path(snakemake.input.cohort),
        Path(snakemake.output.cohort),
    )
