"""Compare the function of synthetic hearts with that of real training patients."""

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.measures.cardiac_function import measure_cohort_function

with job(snakemake):
    wildcards = snakemake.wildcards
    train = subjects_of(read_split(snakemake.input.split), "train", labelled=True)
    rows = measure_cohort_function(
        Cohort.open_all(snakemake.input.cohorts).select(train),
        Cohort.open(snakemake.input.synthetic),
        EvaluationSettings.model_validate(snakemake.params.evaluation),
        {
            "generator": wildcards.generator,
            "fold": int(wildcards.fold),
            "generator_seed": int(wildcards.generator_seed),
        },
    )
    write_tsv(snakemake.output.rows, rows)
