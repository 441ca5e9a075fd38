"""Pack the fold's training and validation cines into memory-mapped stores."""

from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes
from synthaug.data.sentence_column import with_sentences
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.data.store import pack
from synthaug.jobs.job import job

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    cohort = with_labels_of_split(cohort, split)
    cohort = with_phenotypes(cohort, snakemake.input.phenotypes, **snakemake.params.phenotypes, split=split)
    cohort = with_sentences(cohort, snakemake.input.sentences)
    for role in ("train", "validation"):
        pack(cohort.select(subjects_of(split, role)), snakemake.output[role], snakemake.params.n_slices)
