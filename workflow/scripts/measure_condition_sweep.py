"""Condition sweep: requested against measured values, inside and beyond the training range."""

import pandas as pd

from synthaug.core.artifacts import read_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.measures.controllability import (
    BEYOND,
    ON_GRID,
    beyond_training,
    measure_controllability,
    with_requested_ef,
)
from synthaug.measures.measurement import Measurement
from synthaug.measures.scoring import predicted_volumes

with job(snakemake):
    cohort = Cohort.open(snakemake.input.cohort)
    if not cohort.subjects:
        raise SynthaugError(
            f"{snakemake.input.cohort}: no heart of the grid could be stored; see attempts.tsv in it, "
            f"and train {snakemake.wildcards.generator} longer"
        )
    measured = predicted_volumes(snakemake.input.predictions, cohort)
    requested = with_requested_ef(cohort.table.filter(regex="^(subject|requested_.*)$"))
    conditions = cohort.meta["conditions"]
    beyond = beyond_training(requested, read_json(snakemake.input.ranges), conditions)
    options = (conditions, Measurement.of_job(snakemake))
    rows = [
        measure_controllability(hearts, measured, versus, *options)
        for hearts, versus in ((requested, ON_GRID), (requested[beyond], BEYOND))
    ]
    write_tsv(snakemake.output.rows, pd.concat(rows, ignore_index=True))
    write_tsv(snakemake.output.measured, measured)
