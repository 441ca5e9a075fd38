"""Compare a generator's masks with those an independent segmenter finds in its images."""

import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.measures.mask_agreement import REAL, leave_agreement_out, measure_mask_agreement, whose_masks

with job(snakemake):
    wildcards = snakemake.wildcards
    settings = EvaluationSettings.model_validate(snakemake.params.evaluation)
    cohort = Cohort.open(snakemake.input.cohort)
    real = Cohort.open_all(snakemake.input.cohorts)
    validation = real.select(subjects_of(read_split(snakemake.input.split), "validation"))
    about = {
        "generator": wildcards.generator,
        "fold": int(wildcards.fold),
        "generator_seed": int(wildcards.generator_seed),
        "versus": "segmenter",
    }
    others = whose_masks(cohort.meta)
    synthetic = (
        leave_agreement_out(others, about)
        if others
        else measure_mask_agreement(snakemake.input.predictions, cohort, settings, about)
    )
    reached = measure_mask_agreement(snakemake.input.validation, validation, settings, about, of=REAL)
    write_tsv(snakemake.output.rows, pd.concat([synthetic, reached], ignore_index=True))
