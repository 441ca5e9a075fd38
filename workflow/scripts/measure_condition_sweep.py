"""Compare the hearts of a grid with what an independent segmenter measures of them, inside and past the training range."""

import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import read_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.measures.controllability import (
    BEYOND,
    ON_GRID,
    beyond_training,
    measure_controllability,
    with_asked_ef,
)
from synthaug.measures.scoring import predicted_volumes

with job(snakemake):
    wildcards = snakemake.wildcards
    settings = EvaluationSettings.model_validate(snakemake.params.evaluation)
    cohort = Cohort.open(snakemake.input.cohort)
    if not cohort.subjects:
        raise SynthaugError(
            f"{snakemake.input.cohort}: no heart of the grid could be stored; see attempts.tsv in it, "
            f"and train {wildcards.generator} longer"
        )
    measured = predicted_volumes(snakemake.input.predictions, cohort)
    asked = with_asked_ef(cohort.table.filter(regex="^(subject|asked_.*)$"))
    conditions = cohort.meta["conditions"]
    beyond = beyond_training(asked, read_json(snakemake.input.ranges), conditions)
    about = {
        "generator": wildcards.generator,
        "fold": int(wildcards.fold),
        "generator_seed": int(wildcards.generator_seed),
    }
    options = (about, settings.replicates, settings.confidence, settings.seed, conditions)
    rows = [
        measure_controllability(hearts, measured, versus, *options)
        for hearts, versus in ((asked, ON_GRID), (asked[beyond], BEYOND))
    ]
    write_tsv(snakemake.output.rows, pd.concat(rows, ignore_index=True))
    write_tsv(snakemake.output.measured, measured)
