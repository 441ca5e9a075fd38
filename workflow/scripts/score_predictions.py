"""Score the test predictions of a task that was trained on one arm."""

from pathlib import Path

from synthaug.config.arms import Arm
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.jobs.job import job
from synthaug.tasks import open_task
from synthaug.tasks.score_tested import score_tested

with job(snakemake):
    arm, wildcards = Arm(**snakemake.params.arm), snakemake.wildcards
    cohort = Cohort.open_all(snakemake.input.cohorts).with_phenotypes(snakemake.input.phenotypes)
    fields = {
        "task": wildcards.task,
        "arm": arm.name,
        "generator": arm.generator,
        "dose": arm.dose,
        "fold": int(wildcards.fold),
        "training_seed": int(wildcards.training_seed),
        "generator_seed": int(wildcards.generator_seed) if arm.generator else None,
    }
    task, split = open_task(snakemake.params.task), read_split(snakemake.input.split)
    write_tsv(
        snakemake.output.rows, score_tested(task, Path(snakemake.input.predictions), cohort, split, fields)
    )
