"""Write pseudo labels: a segmenter trained on real patients of the fold labels synthetic cines."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.jobs.finished import unfinished_folder
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.synthesis.gather import RECORDS
from synthaug.tasks import open_segmenter

with job(snakemake):
    folders, decided = snakemake.input.cohorts, snakemake.input.get("validation")
    records = [Path(folders[0], name) for name in RECORDS]
    options = {"validation": Path(decided)} if decided else {}
    segmenter = open_segmenter(snakemake.params.task)
    params = snakemake.params
    segmenter.unfinished = unfinished_folder(snakemake.output.cohort, params.code, params.task)
    segmenter.label(
        Path(snakemake.input.model),
        Cohort.open_all(folders),
        Path(snakemake.output.cohort),
        records=[] if snakemake.wildcards.part else [file for file in records if file.is_file()],
        threads=snakemake.threads,
        progress=progress("subjects"),
        **options,
    )
