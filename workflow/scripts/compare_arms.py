"""Compare every arm with real data alone and with its size-matched controls, task by task."""

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.jobs.job import job
from synthaug.statistics.tasks import ComparedTask, compare_tasks
from synthaug.tables.schema import read_rows

with job(snakemake):
    scores = pd.concat([read_rows(path) for path in snakemake.input.scores], ignore_index=True)
    tasks = [
        ComparedTask(task["name"], tuple(task["family"]), [Arm(**arm) for arm in task["arms"]])
        for task in snakemake.params.tasks
    ]
    settings = EvaluationSettings.model_validate(snakemake.params.evaluation)
    write_tsv(snakemake.output.rows, compare_tasks(scores, tasks, settings))
