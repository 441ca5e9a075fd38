"""Synthesise one chunk of a plan."""

from pathlib import Path

from synthaug.config.synthesis import GateSettings
from synthaug.generators import make_generator
from synthaug.job import job
from synthaug.progress import progress
from synthaug.synthesis.chunk import synthesise_chunk
from synthaug.synthesis.plan import plan_chunk, read_plan

with job(snakemake):
    params = snakemake.params
    generator = make_generator(params.generator, dict(zip(params.roles, snakemake.input.models, strict=True)))
    plan = read_plan(snakemake.input.plan)
    synthesise_chunk(
        generator,
        plan_chunk(plan, int(snakemake.wildcards.chunk), params.chunk_size),
        GateSettings.model_validate(params.gate),
        generator.spacing_mm,
        Path(snakemake.output.chunk),
        name=snakemake.wildcards.generator,
        batch_size=params.batch_size,
        identity=generator.identity,
        progress=progress("subjects"),
    )
