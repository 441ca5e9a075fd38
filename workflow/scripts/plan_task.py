"""Fix what all arms of a fold share, from its real training patients."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.tasks import open_task
from synthaug.tasks.training_subjects import TrainingSubjects

with job(snakemake):
    real = Cohort.open_all(snakemake.input.cohorts).with_phenotypes(snakemake.input.phenotypes)
    open_task(snakemake.params.task).plan(
        TrainingSubjects.read(snakemake.input.subjects, real),
        Path(snakemake.output.plan),
        threads=snakemake.threads,
    )
