"""Gather a generator's chunks into one synthetic cohort, with what the gate made of them."""

from pathlib import Path

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.synthesis.gather import acceptance_rows, gather_chunks, read_attempts

with job(snakemake):
    cohort = Path(snakemake.output.cohort)
    chunks = [Path(chunk) for chunk in snakemake.input.chunks]
    gather_chunks(
        chunks, Cohort.open_all(snakemake.input.requests), cohort, snakemake.params.minimum_accepted
    )
    rows = acceptance_rows(
        read_attempts(cohort / "attempts.tsv"),
        generator=snakemake.wildcards.generator,
        fold=int(snakemake.wildcards.fold),
        generator_seed=int(snakemake.wildcards.generator_seed),
    )
    write_tsv(snakemake.output.rows, rows)
