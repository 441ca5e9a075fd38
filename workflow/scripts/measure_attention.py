"""Measure where a text-driven generator looks at the words of its requests."""

import torch

from synthaug.config.attention import AttentionSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.generators import load
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.attention import measure_attention
from synthaug.measures.attention_examples import write_examples
from synthaug.measures.known_infarcts import known_infarcts
from synthaug.measures.measurement import Measurement

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    generator, requests = load(snakemake.input.generator), Cohort.open_all(snakemake.input.requests)
    rows, examples, points = measure_attention(
        generator,
        requests,
        AttentionSettings.model_validate(snakemake.params.attention),
        generator.grid.spacing_mm,
        Measurement.of_job(snakemake, progress("subjects")),
        known_infarcts(
            requests, dict(zip(snakemake.params.simulated, snakemake.input.simulated, strict=True))
        ),
    )
    write_tsv(snakemake.output.rows, rows)
    write_examples(snakemake.output.examples, examples, points)
