"""Synthesise one chunk of the requests."""

from pathlib import Path

import torch

from synthaug.config.synthesis import GateSettings
from synthaug.data.cohort import Cohort
from synthaug.generators import load
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.synthesis.chunk import WRITERS, synthesise_chunk

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    generator = load(snakemake.input.generator)
    synthesise_chunk(
        generator,
        Cohort.open(snakemake.input.requests),
        GateSettings.model_validate(params.gate),
        generator.grid.spacing_mm,
        Path(snakemake.output.chunk),
        name=snakemake.wildcards.generator,
        batch_size=snakemake.resources.batch_size,
        identity=generator.identity,
        progress=progress("subjects"),
        writers=WRITERS if torch.cuda.is_available() else 0,
    )
