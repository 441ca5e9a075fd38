"""Look for copies of training patients in a synthetic cohort, and for planted ones."""

from synthaug.artifacts import write_tsv
from synthaug.cohort import Cohort
from synthaug.job import job
from synthaug.privacy.audit import audit_memorisation
from synthaug.splits import held_out_at_home, read_split, subjects_of

with job(snakemake):
    wildcards = snakemake.wildcards
    split = read_split(snakemake.input.split)
    rows, pairs = audit_memorisation(
        Cohort.open_all(snakemake.input.cohorts),
        Cohort.open(snakemake.input.synthetic),
        subjects_of(split, "train"),
        held_out_at_home(split),
        {
            "generator": wildcards.generator,
            "fold": int(wildcards.fold),
            "generator_seed": int(wildcards.draw),
        },
        snakemake.params.seed,
    )
    write_tsv(snakemake.output.rows, rows)
    write_tsv(snakemake.output.pairs, pairs)
