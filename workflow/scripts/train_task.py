"""Train a task on one arm with one training seed."""

from pathlib import Path

from synthaug.core.folder_checksums import check_checksums
from synthaug.jobs.checkpoints import clear_abandoned
from synthaug.jobs.job import job
from synthaug.jobs.lease import lease
from synthaug.tasks import open_task

with job(snakemake), lease(Path(snakemake.params.checkpoints)):
    clear_abandoned(Path(snakemake.params.checkpoints))
    check_checksums(snakemake.input.training_set, snakemake.threads)
    open_task(
        {**snakemake.params.task, "checkpoint_minutes": snakemake.resources.checkpoint_seconds / 60}
    ).train(
        Path(snakemake.input.training_set),
        Path(snakemake.output.model),
        Path(snakemake.params.checkpoints),
        training_seed=int(snakemake.wildcards.training_seed),
        threads=snakemake.threads,
    )
