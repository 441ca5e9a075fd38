"""Write real subjects of a dataset in the place of synthetic ones."""

from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.generators.real import real_as_synthetic

with job(snakemake):
    split = read_split(snakemake.input.split)
    cohort = Cohort.open_all(snakemake.input.cohorts)
    real = Cohort.open(snakemake.input.real)
    if snakemake.params.split:
        real = with_labels_of_split(real, split)
    real_as_synthetic(
        real,
        snakemake.output.cohort,
        snakemake.wildcards.generator,
        subjects_of(split, "train", labelled=True) if snakemake.params.split else None,
        cohort.select([*subjects_of(split, "validation"), *subjects_of(split, "test")]),
        seed=int(snakemake.wildcards.draw),
    )
