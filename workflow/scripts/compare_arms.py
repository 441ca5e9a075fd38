"""Compare every arm with real data alone and with its size-matched controls."""

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.statistics.classification_performance import classification_performance
from synthaug.statistics.clinical_agreement import clinical_agreement
from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.failures import failure_rates
from synthaug.statistics.regression_performance import regression_performance
from synthaug.statistics.seed_disagreement import seed_disagreement
from synthaug.tables.schema import read_rows

with job(snakemake):
    scores = pd.concat([read_rows(path) for path in snakemake.input.scores], ignore_index=True)
    arms = [Arm(**arm) for arm in snakemake.params.arms]
    settings = EvaluationSettings.model_validate(snakemake.params.evaluation)
    measures = (
        compare_arms,
        clinical_agreement,
        failure_rates,
        seed_disagreement,
        classification_performance,
        regression_performance,
    )
    write_tsv(snakemake.output.rows, pd.concat([measure(scores, arms, settings) for measure in measures]))
