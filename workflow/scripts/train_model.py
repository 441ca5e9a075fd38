"""Train one model of one fold, on as many GPUs as the job was given."""

from pathlib import Path

from synthaug.config.models import ModelSettings
from synthaug.core.registry import parse
from synthaug.jobs.checkpoints import clear_abandoned
from synthaug.jobs.job import job
from synthaug.jobs.lease import lease
from synthaug.training import train_model

with job(snakemake), lease(Path(snakemake.params.checkpoints)):
    settings = parse(snakemake.params.model, ModelSettings)
    saved = {"checkpoint_minutes": snakemake.resources.checkpoint_seconds / 60}
    settings = settings.model_copy(update={"training": settings.training.model_copy(update=saved)})
    clear_abandoned(Path(snakemake.params.checkpoints))
    train_model(
        settings,
        store=Path(snakemake.input.train),
        validation=Path(snakemake.input.validation),
        needs=dict(zip(settings.needs, map(Path, snakemake.input.needs), strict=True)),
        weights=Path(snakemake.output.weights),
        record=Path(snakemake.output.record),
        history=Path(snakemake.output.history),
        checkpoints=Path(snakemake.params.checkpoints),
        seed=int(snakemake.wildcards.generator_seed),
        threads=snakemake.threads,
        processes=max(1, int(snakemake.resources.get("gpu", 1))),
    )
