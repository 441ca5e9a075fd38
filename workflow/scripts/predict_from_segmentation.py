"""Predict with a random forest for all subjects of a cohort, or the tested ones of a fold, by what a segmenter measures."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, read_split
from synthaug.jobs.job import job
from synthaug.tasks.image_level.segmented_phenotypes import predict_from_segmentation

with job(snakemake):
    inputs = snakemake.input
    cohort = Cohort.open_all(inputs.cohorts)
    if inputs.get("split"):
        cohort = cohort.select(all_tested(read_split(inputs.split)))
    predict_from_segmentation(
        Path(inputs.model),
        Path(inputs.segmentations),
        cohort,
        Path(snakemake.output.predictions),
        threads=snakemake.threads,
        own=snakemake.params.own,
    )
