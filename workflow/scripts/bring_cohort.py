"""Bring a folder of synthetic cines from elsewhere into the study."""

from synthaug.generators.external import bring_cohort
from synthaug.jobs.job import job

with job(snakemake):
    bring_cohort(snakemake.params.folder, snakemake.output.cohort)
