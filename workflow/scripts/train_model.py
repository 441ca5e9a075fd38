"""Train one model of one fold, on as many GPUs as the job was given."""

from pathlib import Path

from synthaug.core.job import job
from synthaug.models import settings_of
from synthaug.training import train_model

with job(snakemake):
    settings = settings_of(snakemake.params.model)
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
