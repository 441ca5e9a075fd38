"""Describe a trained generator, so that it can be loaded from one file."""

from pathlib import Path

from synthaug.config.generators import GeneratorSettings
from synthaug.core.registry import parse
from synthaug.generators import describe
from synthaug.jobs.job import job

with job(snakemake):
    models = dict(zip(snakemake.params.roles, map(Path, snakemake.input.models), strict=True))
    describe(Path(snakemake.output.description), parse(snakemake.params.generator, GeneratorSettings), models)
