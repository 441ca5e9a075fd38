"""Predict for the subjects of a role in a fold, or for all subjects of a cohort, with one trained task."""

from pathlib import Path

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.tasks import open_task

with job(snakemake):
    params = snakemake.params
    cohort = Cohort.open_all(snakemake.input.cohorts)
    if params.role:
        cohort = cohort.select(subjects_of(read_split(snakemake.input.split), params.role))
    open_task(params.task).predict(
        Path(snakemake.input.model),
        cohort,
        Path(snakemake.output.predictions),
        frames=params.frames,
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
