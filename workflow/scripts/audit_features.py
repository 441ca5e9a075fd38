"""Look for copies of training patients in a synthetic cohort, in the space of an extractor's features."""

from pathlib import Path

import torch

from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.data.splits import held_out_at_home, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.features.study import StudyExtractor
from synthaug.measures.memorisation.feature_audit import audit_features

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    wildcards = snakemake.wildcards
    split = read_split(snakemake.input.split)
    validation = subjects_of(split, "validation")
    rows = audit_features(
        Cohort.open_all(snakemake.input.cohorts),
        read_features(snakemake.input.real),
        read_features(snakemake.input.synthetic),
        StudyExtractor(Path(snakemake.input.model)).spatial,
        subjects_of(split, "train"),
        [subject for subject in held_out_at_home(split) if subject not in validation],
        {
            "generator": wildcards.generator,
            "fold": int(wildcards.fold),
            "generator_seed": int(wildcards.generator_seed),
        },
        snakemake.params.seed,
        validation,
        progress=progress("subjects"),
    )
    write_tsv(snakemake.output.rows, rows)
