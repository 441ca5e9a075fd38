"""Stop a study whose synthetic cohort kept too few of its requests; tabulate what quality control made of them."""

from pathlib import Path

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.synthesis.gather import acceptance_rows, check_acceptance, read_attempts

with job(snakemake):
    cohort, wildcards = Path(snakemake.input.cohort), snakemake.wildcards
    attempts = read_attempts(cohort / "attempts.tsv")
    check_acceptance(Cohort.open(cohort).name, attempts, snakemake.params.minimum_accepted)
    rows = acceptance_rows(
        attempts,
        generator=wildcards.generator,
        fold=int(wildcards.fold),
        generator_seed=int(wildcards.generator_seed),
    )
    write_tsv(snakemake.output.rows, rows)
