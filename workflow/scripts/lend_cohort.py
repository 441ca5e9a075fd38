"""Lend real subjects of a dataset as if they were synthetic."""

from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.generators.dataset import lend_cohort

with job(snakemake):
    split = read_split(snakemake.input.split)
    cohort = Cohort.open_all(snakemake.input.cohorts)
    lent = Cohort.open(snakemake.input.lent)
    if snakemake.params.split:
        lent = with_labels_of_split(lent, split)
    lend_cohort(
        lent,
        snakemake.output.cohort,
        snakemake.wildcards.generator,
        subjects_of(split, "train", labelled=True) if snakemake.params.split else None,
        cohort.select([*subjects_of(split, "validation"), *subjects_of(split, "test")]),
        seed=int(snakemake.wildcards.draw),
    )
