"""Write the training set of one arm as a task reads it."""

from pathlib import Path

from synthaug.core.folder_checksums import write_checksums
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.tasks import open_task
from synthaug.tasks.training_subjects import TrainingSubjects

with job(snakemake):
    inputs = snakemake.input
    real = Cohort.open_all(inputs.cohorts).with_phenotypes(inputs.phenotypes)
    synthetic = Cohort.open(inputs.synthetic) if inputs.synthetic else None
    if synthetic is not None and inputs.synthetic_phenotypes:
        # Measured on masks, they would be values of another method under the names of the user's own table.
        synthetic = synthetic.with_phenotypes([inputs.synthetic_phenotypes], without=snakemake.params.own)
    open_task(snakemake.params.task).write_training_set(
        TrainingSubjects.read(inputs.subjects, real, synthetic),
        Path(inputs.plan),
        Path(snakemake.output.training_set),
        threads=snakemake.threads,
    )
    write_checksums(snakemake.output.training_set, snakemake.threads)
