"""Compare the contrasts of one heart, and both with what tells hearts apart."""

from synthaug.config.evaluation import ContrastSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.contrast_consistency import measure_contrast_consistency
from synthaug.measures.measurement import Measurement

with job(snakemake):
    rows = measure_contrast_consistency(
        Cohort.open(snakemake.input.cohort),
        Cohort.open_all(snakemake.input.cohorts),
        ContrastSettings.model_validate(snakemake.params.contrasts),
        Measurement.of_job(snakemake, progress("hearts")),
    )
    write_tsv(snakemake.output.rows, rows)
