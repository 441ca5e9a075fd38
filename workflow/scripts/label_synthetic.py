"""Label brought-in cines with a segmenter trained on real patients of the fold."""

from synthaug.config.generators import ExternalSettings
from synthaug.generators.external import open_external
from synthaug.job import job
from synthaug.progress import progress
from synthaug.segmentation.predict import Segmenter
from synthaug.segmentation.teacher import label_cohort

with job(snakemake):
    cohort = open_external(ExternalSettings.model_validate(snakemake.params.generator))
    segmenter = Segmenter(
        snakemake.input.model, mirroring=snakemake.params.mirroring, threads=snakemake.threads
    )
    label_cohort(segmenter, cohort, snakemake.output.cohort, progress=progress("subjects"))
