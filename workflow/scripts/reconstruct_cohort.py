"""Write real subjects of a dataset, as an autoencoder decodes them, in the place of synthetic ones."""

import torch

from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.generators.real import real_as_synthetic
from synthaug.generators.reconstruction import Reconstruction

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    split = read_split(snakemake.input.split)
    cohort = Cohort.open_all(snakemake.input.cohorts)
    real = Cohort.open(snakemake.input.real)
    if snakemake.params.split:
        real = with_labels_of_split(real, split)
    (weights,) = snakemake.input.models
    real_as_synthetic(
        real,
        snakemake.output.cohort,
        snakemake.wildcards.generator,
        subjects_of(split, "train", labelled=True) if snakemake.params.split else None,
        cohort.select([*subjects_of(split, "validation"), *subjects_of(split, "test")]),
        seed=int(snakemake.wildcards.draw),
        through=Reconstruction.load(weights, snakemake.params.through),
        progress=progress("subjects"),
    )
