"""Segment every frame of a synthetic cohort with a segmenter that saw real patients only."""

from synthaug.cohort import Cohort
from synthaug.job import job
from synthaug.progress import progress
from synthaug.segmentation.predict import predict_cohort

with job(snakemake):
    predict_cohort(
        snakemake.input.model,
        Cohort.open(snakemake.input.cohort),
        snakemake.output.predictions,
        frames="all",
        mirroring=snakemake.params.mirroring,
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
