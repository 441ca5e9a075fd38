"""Write the training set of one arm as a task reads it."""

from pathlib import Path

from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.tasks import open_task
from synthaug.tasks.training_subjects import TrainingSubjects

with job(snakemake):
    inputs = snakemake.input
    real = Cohort.open_all(inputs.cohorts)
    synthetic = Cohort.open(inputs.synthetic) if inputs.synthetic else None
    open_task(snakemake.params.task).write_training_set(
        TrainingSubjects.read(inputs.subjects, real, synthetic),
        Path(inputs.plan),
        Path(snakemake.output.training_set),
        threads=snakemake.threads,
    )
