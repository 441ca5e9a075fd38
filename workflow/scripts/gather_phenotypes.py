"""Gather the phenotypes of the parts of a large cohort."""

from pathlib import Path

from synthaug.jobs.job import job
from synthaug.measures.phenotypes import gather_phenotypes

with job(snakemake):
    gather_phenotypes([Path(part) for part in snakemake.input.parts], Path(snakemake.output.phenotypes))
