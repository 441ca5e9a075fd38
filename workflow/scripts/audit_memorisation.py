"""Look for copies of training patients in a synthetic cohort, and for planted ones."""

import pandas as pd

from synthaug.config.synthesis import CopySettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import held_out_at_home, read_split, subjects_of
from synthaug.measures.memorisation.copies import dropped_rows
from synthaug.measures.memorisation.image_audit import audit_memorisation

with job(snakemake):
    wildcards = snakemake.wildcards
    split = read_split(snakemake.input.split)
    validation = subjects_of(split, "validation")
    about = {
        "generator": wildcards.generator,
        "fold": int(wildcards.fold),
        "generator_seed": int(wildcards.generator_seed),
    }
    rows, pairs = audit_memorisation(
        Cohort.open_all(snakemake.input.cohorts),
        Cohort.open(snakemake.input.synthetic),
        subjects_of(split, "train"),
        [subject for subject in held_out_at_home(split) if subject not in validation],
        about,
        snakemake.params.seed,
        validation,
    )
    dropped = dropped_rows(pairs, CopySettings.model_validate(snakemake.params.copies), about)
    write_tsv(snakemake.output.rows, pd.concat([rows, dropped]) if len(dropped) else rows)
    write_tsv(snakemake.output.pairs, pairs)
