"""Gather what was predicted for the parts of a large cohort."""

from pathlib import Path

from synthaug.jobs.job import job
from synthaug.tasks.gather_parts import gather_predictions

with job(snakemake):
    gather_predictions([Path(part) for part in snakemake.input.parts], Path(snakemake.output.predictions))
