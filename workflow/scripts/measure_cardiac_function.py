"""Compare the function of synthetic hearts with that of real training patients."""

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.jobs.job import job
from synthaug.measures.cardiac_function import measure_cardiac_function
from synthaug.measures.measurement import Measurement

with job(snakemake):
    split = read_split(snakemake.input.split)
    rows = measure_cardiac_function(
        Cohort.open_all(snakemake.input.cohorts).select(subjects_of(split, "train", labelled=True)),
        Cohort.open(snakemake.input.synthetic),
        Measurement.of_job(snakemake),
        patients=patients_in(split),
    )
    write_tsv(snakemake.output.rows, rows)
