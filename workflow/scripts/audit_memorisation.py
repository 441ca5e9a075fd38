"""Look for copies of training patients in a synthetic cohort, and for positive controls."""

import pandas as pd

from synthaug.config.synthesis import CopySettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.jobs.job import job
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.image_audit import audit_memorisation
from synthaug.measures.memorisation.positive_controls import movement_limits
from synthaug.measures.memorisation.roles import audit_roles
from synthaug.measures.memorisation.scores import dropped_rows

with job(snakemake):
    measurement = Measurement.of_job(snakemake)
    audit = audit_memorisation(
        Cohort.open_all(snakemake.input.cohorts),
        Cohort.open(snakemake.input.synthetic),
        audit_roles(read_split(snakemake.input.split)),
        measurement,
        movement_limits(snakemake.params.augmentation),
    )
    dropped = dropped_rows(audit.pairs, CopySettings.model_validate(snakemake.params.copies), measurement)
    write_tsv(snakemake.output.rows, pd.concat([audit.rows, dropped]) if len(dropped) else audit.rows)
    write_tsv(snakemake.output.pairs, audit.pairs)
    write_tsv(snakemake.output.patients, audit.patients)
