"""Train the segmenter of one arm with one seed."""

from synthaug.config.segmentation import SegmentationSettings
from synthaug.core.job import job
from synthaug.tasks.segmentation.train import train_segmenter

with job(snakemake):
    train_segmenter(
        snakemake.input.preprocessed,
        snakemake.output.model,
        snakemake.params.checkpoints,
        SegmentationSettings.model_validate(snakemake.params.settings),
        seed=int(snakemake.wildcards.training_seed),
        threads=snakemake.threads,
    )
