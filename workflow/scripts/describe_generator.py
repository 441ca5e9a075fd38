"""Describe a trained generator, so that it can be loaded from one file."""

from pathlib import Path

from synthaug.core.job import job
from synthaug.generators import describe, settings_of

with job(snakemake):
    models = dict(zip(snakemake.params.roles, map(Path, snakemake.input.models), strict=True))
    describe(Path(snakemake.output.description), settings_of(snakemake.params.generator), models)
