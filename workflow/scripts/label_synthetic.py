"""Write pseudo labels: a segmenter trained on real patients of the fold labels synthetic cines."""

from pathlib import Path

from synthaug.core.finished import unfinished_folder
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.generators.external import open_synthetic
from synthaug.synthesis.gather import RECORDS
from synthaug.tasks import open_segmenter

with job(snakemake):
    folder, decided = Path(snakemake.input.cohort), snakemake.input.get("validation")
    options = {"validation": Path(decided)} if decided else {}
    segmenter = open_segmenter(snakemake.params.task)
    params = snakemake.params
    segmenter.unfinished = unfinished_folder(snakemake.output.cohort, params.code, params.task)
    segmenter.label(
        Path(snakemake.input.model),
        open_synthetic(folder),
        Path(snakemake.output.cohort),
        records=[folder / name for name in RECORDS if (folder / name).is_file()],
        threads=snakemake.threads,
        progress=progress("subjects"),
        **options,
    )
