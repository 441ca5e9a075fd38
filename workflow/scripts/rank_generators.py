"""Rank the generators of a study in each criterion, with the stability of the ranks."""

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.jobs.job import job
from synthaug.statistics.generator_ranking import rank_generators
from synthaug.tables.schema import read_rows

with job(snakemake):
    inputs, params = snakemake.input, snakemake.params
    tables = [read_rows(path) for path in (*inputs.measures, inputs.comparisons)]
    # Empty files would turn typed columns into objects.
    rows = pd.concat([table for table in tables if len(table)], ignore_index=True)
    arms = [Arm(**arm) for arm in params.arms]
    settings = EvaluationSettings.model_validate(params.evaluation)
    write_tsv(snakemake.output.rows, rank_generators(rows, params.generators, arms, params.tasks, settings))
