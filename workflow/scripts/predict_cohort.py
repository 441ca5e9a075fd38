"""Segment the subjects of a role in a fold, or all subjects of a cohort, with one trained segmenter."""

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.tasks.segmentation.predict import predict_cohort

with job(snakemake):
    params = snakemake.params
    cohort = Cohort.open_all(snakemake.input.cohorts)
    if params.role:
        cohort = cohort.select(subjects_of(read_split(snakemake.input.split), params.role))
    predict_cohort(
        snakemake.input.model,
        cohort,
        snakemake.output.predictions,
        frames=params.frames,
        mirroring=params.mirroring,
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
