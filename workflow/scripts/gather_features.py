"""Gather the features of the parts of a large cohort."""

from pathlib import Path

from synthaug.features.gather_features import gather_features
from synthaug.jobs.job import job

with job(snakemake):
    gather_features([Path(part) for part in snakemake.input.parts], Path(snakemake.output.features))
