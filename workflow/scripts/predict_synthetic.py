"""Segment every frame of a synthetic cohort with a segmenter that saw real patients only."""

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.tasks.segmentation.predict import predict_cohort

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
