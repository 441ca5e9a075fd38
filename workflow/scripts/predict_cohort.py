"""Predict for the tested or validating subjects of a fold, or for all subjects of a cohort, with one trained task."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, read_split, subjects_of
from synthaug.jobs.finished import unfinished_folder
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.tasks import open_task

with job(snakemake):
    params = snakemake.params
    cohort = Cohort.open_all(snakemake.input.cohorts).with_phenotypes(snakemake.input.get("phenotypes", ()))
    if params.subjects != "all":
        split = read_split(snakemake.input.split)
        chosen = all_tested(split) if params.subjects == "tested" else subjects_of(split, "validation")
        cohort = cohort.select(chosen)
    decided = snakemake.input.get("validation")
    options = {"validation": Path(decided)} if decided else {}
    task = open_task(params.task)
    task.unfinished = unfinished_folder(snakemake.output.predictions, params.code, params.task)
    task.predict(
        Path(snakemake.input.model),
        cohort,
        Path(snakemake.output.predictions),
        frames=params.frames,
        threads=snakemake.threads,
        progress=progress("subjects"),
        **options,
    )
