"""Use real subjects as if they were synthetic: as they are, or as an autoencoder reconstructs them."""

import torch

from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, read_split, subjects_of, with_labels_of_split
from synthaug.generators.real import real_as_synthetic
from synthaug.generators.reconstruction import Reconstruction
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    split = read_split(inputs.split)
    cohort = Cohort.open_all(inputs.cohorts)
    real = Cohort.open(inputs.real)
    if params.split:
        real = with_labels_of_split(real, split)
    through = Reconstruction.load(*inputs.models, params.through) if params.through else None
    real_as_synthetic(
        real,
        snakemake.output.cohort,
        snakemake.wildcards.generator,
        subjects_of(split, "train", labelled=True) if params.split else None,
        cohort.select([*subjects_of(split, "validation"), *all_tested(split)]),
        seed=int(snakemake.wildcards.generator_seed),
        through=through,
        progress=progress("subjects"),
    )
