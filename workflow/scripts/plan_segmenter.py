"""Plan nnU-Net from the fold's real training data."""

from synthaug.config.segmentation import SegmentationSettings
from synthaug.core.job import job
from synthaug.tasks.segmentation.plan import make_plan

with job(snakemake):
    make_plan(
        snakemake.input.dataset,
        snakemake.output.plan,
        SegmentationSettings.model_validate(snakemake.params.settings),
        threads=snakemake.threads,
    )
