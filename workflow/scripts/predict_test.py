"""Segment the test patients of a fold with one trained arm."""

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.tasks.segmentation.predict import predict_cohort

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    predict_cohort(
        snakemake.input.model,
        cohort.select(subjects_of(read_split(snakemake.input.split), "test")),
        snakemake.output.predictions,
        mirroring=snakemake.params.mirroring,
        threads=snakemake.threads,
        progress=progress("patients"),
    )
