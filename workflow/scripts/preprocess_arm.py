"""Preprocess one arm with the fold's shared plan."""

from synthaug.core.job import job
from synthaug.tasks.segmentation.preprocess import preprocess_arm

with job(snakemake):
    preprocess_arm(
        snakemake.input.dataset,
        snakemake.input.plan,
        snakemake.output.preprocessed,
        snakemake.params.configuration,
        threads=snakemake.threads,
    )
