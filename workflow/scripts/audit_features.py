"""Look for copies of training patients in a synthetic cohort, in the space of an extractor's features."""

from pathlib import Path

import torch

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.features.files import read_features
from synthaug.features.study import StudyExtractor
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.feature_audit import audit_features
from synthaug.measures.memorisation.positive_controls import movement_limits
from synthaug.measures.memorisation.roles import audit_roles

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    rows = audit_features(
        Cohort.open_all(snakemake.input.cohorts),
        read_features(snakemake.input.real),
        read_features(snakemake.input.synthetic),
        StudyExtractor(Path(snakemake.input.model)).spatial,
        audit_roles(read_split(snakemake.input.split)),
        Measurement.of_job(snakemake, progress("subjects")),
        movement_limits(snakemake.params.augmentation),
    )
    write_tsv(snakemake.output.rows, rows)
