"""Label cines that came without masks by a segmenter trained on real patients of the fold."""

from pathlib import Path

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.generators.external import open_synthetic
from synthaug.synthesis.gather import RECORDS
from synthaug.tasks.segmentation.predict import Segmenter
from synthaug.tasks.segmentation.teacher import label_cohort

with job(snakemake):
    folder = Path(snakemake.input.cohort)
    segmenter = Segmenter(
        snakemake.input.model, mirroring=snakemake.params.mirroring, threads=snakemake.threads
    )
    label_cohort(
        segmenter,
        open_synthetic(folder),
        snakemake.output.cohort,
        progress=progress("subjects"),
        records=[folder / name for name in RECORDS if (folder / name).is_file()],
    )
