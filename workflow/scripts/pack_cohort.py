"""Pack the fold's training and validation cines into memory-mapped stores."""

from synthaug.cohort import Cohort
from synthaug.job import job
from synthaug.splits import read_split, subjects_of
from synthaug.store import pack

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    for role in ("train", "validation"):
        pack(cohort.select(subjects_of(split, role)), snakemake.output[role], snakemake.params.n_slices)
