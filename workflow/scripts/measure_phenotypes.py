"""Measure the phenotypes of a cohort's subjects, and join those that the user brings."""

from synthaug.config.data import PhenotypeTableSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.measures.phenotypes import tabulate_phenotypes

with job(snakemake):
    own = snakemake.params.own
    table = tabulate_phenotypes(
        Cohort.open_all(snakemake.input.cohorts),
        PhenotypeTableSettings.model_validate(own) if own else None,
        processes=snakemake.threads,
    )
    write_tsv(snakemake.output.phenotypes, table)
