"""Gather a generator's chunks into one synthetic cohort."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.synthesis.gather import gather_chunks

with job(snakemake):
    gather_chunks(
        [Path(chunk) for chunk in snakemake.input.chunks],
        Cohort.open_all(snakemake.input.requests),
        Path(snakemake.output.cohort),
        float(snakemake.resources.minimum_accepted),
    )
