"""List what a study runs, each run with its files."""

from synthaug.jobs.job import job
from synthaug.runs import write_runs

with job(snakemake):
    write_runs(snakemake.output.runs, snakemake.params.runs)
