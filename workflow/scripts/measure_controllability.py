"""Compare the volumes a generator was asked for with those an independent segmenter measures."""

import pandas as pd

from synthaug.artifacts import write_tsv
from synthaug.cohort import Cohort
from synthaug.config.evaluation import EvaluationSettings
from synthaug.controllability import measure_controllability
from synthaug.job import job
from synthaug.metrics.scoring import predicted_volumes

with job(snakemake):
    wildcards = snakemake.wildcards
    settings = EvaluationSettings.model_validate(snakemake.params.evaluation)
    cohort = Cohort.open(snakemake.input.cohort)
    measured = predicted_volumes(snakemake.input.predictions, cohort)
    about = {
        "generator": wildcards.generator,
        "fold": int(wildcards.fold),
        "generator_seed": int(wildcards.draw),
    }
    options = (about, settings.replicates, settings.confidence, settings.seed)
    rows = [
        measure_controllability(cohort.table, table, versus, *options)
        for versus, table in (("segmenter", measured), ("generator's masks", cohort.table))
    ]
    write_tsv(snakemake.output.rows, pd.concat(rows, ignore_index=True))
    write_tsv(snakemake.output.measured, measured)
