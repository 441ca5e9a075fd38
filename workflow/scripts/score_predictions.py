"""Score the test predictions of a task that was trained on one arm."""

from pathlib import Path

from synthaug.config.arms import Arm
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.measures.leakage import refuse_seen, seen_in_training
from synthaug.tasks import open_task

with job(snakemake):
    arm, wildcards = Arm(**snakemake.params.arm), snakemake.wildcards
    cohort = Cohort.open_all(snakemake.input.cohorts)
    fields = {
        "arm": arm.name,
        "generator": arm.generator,
        "dose": arm.dose,
        "fold": int(wildcards.fold),
        "training_seed": int(wildcards.training_seed),
        "generator_seed": int(wildcards.generator_seed) if arm.generator else None,
    }
    tested = cohort.select(subjects_of(read_split(snakemake.input.split), "test"))
    predictions = Path(snakemake.input.predictions)
    refuse_seen(f"task {wildcards.task} of arm {arm.name}", seen_in_training(predictions), tested.subjects)
    write_tsv(snakemake.output.rows, open_task(snakemake.params.task).score(predictions, tested, fields))
