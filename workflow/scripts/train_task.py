"""Train a task on one arm with one training seed."""

from pathlib import Path

from synthaug.core.artifacts import sha256_file
from synthaug.core.folder_checksums import CHECKSUMS, check_checksums
from synthaug.jobs.checkpoints import clear_abandoned
from synthaug.jobs.job import job
from synthaug.jobs.lease import lease
from synthaug.jobs.trained import keep_trained, take_trained
from synthaug.tasks import open_task

with job(snakemake), lease(Path(snakemake.params.checkpoints)):
    training_set, model = Path(snakemake.input.training_set), Path(snakemake.output.model)
    clear_abandoned(Path(snakemake.params.checkpoints))
    check_checksums(training_set, snakemake.threads)
    identity = {
        "training_set": sha256_file(training_set / CHECKSUMS),
        "task": snakemake.params.task,
        "code": snakemake.params.code,
    }
    if not take_trained(model, identity):
        open_task(
            {**snakemake.params.task, "checkpoint_minutes": snakemake.resources.checkpoint_seconds / 60}
        ).train(
            training_set,
            model,
            Path(snakemake.params.checkpoints),
            training_seed=int(snakemake.wildcards.training_seed),
            threads=snakemake.threads,
        )
        keep_trained(model, identity)
