"""Decide on the validation patients of a fold what a trained task applies to its predictions."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.tasks import open_task

with job(snakemake):
    split = read_split(snakemake.input.split)
    cohort = Cohort.open_all(snakemake.input.cohorts).select(subjects_of(split, "validation"))
    open_task(snakemake.params.task).validate(
        Path(snakemake.input.model),
        cohort,
        Path(snakemake.output.validation),
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
