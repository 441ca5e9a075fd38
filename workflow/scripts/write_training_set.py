"""Write the training set of one arm as a task reads it."""

from pathlib import Path

from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.tasks import open_task
from synthaug.tasks.training_subjects import TrainingSubjects

with job(snakemake):
    inputs = snakemake.input
    real = Cohort.open_all(inputs.cohorts).with_phenotypes(inputs.phenotypes)
    synthetic = Cohort.open(inputs.synthetic) if inputs.synthetic else None
    if synthetic is not None and inputs.synthetic_phenotypes:
        synthetic = synthetic.with_phenotypes([inputs.synthetic_phenotypes])
    open_task(snakemake.params.task).write_training_set(
        TrainingSubjects.read(inputs.subjects, real, synthetic),
        Path(inputs.plan),
        Path(snakemake.output.training_set),
        threads=snakemake.threads,
    )
