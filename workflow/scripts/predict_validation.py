"""Segment a fold's validation patients with the segmenter that judges synthetic images."""

from synthaug.cohort import Cohort
from synthaug.job import job
from synthaug.progress import progress
from synthaug.segmentation.predict import predict_cohort
from synthaug.splits import read_split, subjects_of

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    predict_cohort(
        snakemake.input.model,
        cohort.select(subjects_of(read_split(snakemake.input.split), "validation")),
        snakemake.output.predictions,
        mirroring=snakemake.params.mirroring,
        threads=snakemake.threads,
        progress=progress("patients"),
    )
