"""Compare how near a generator comes to each patient when it was trained with the patient and without."""

from synthaug.core.artifacts import read_tsv, write_tsv
from synthaug.jobs.job import job
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.memberships import compare_memberships

with job(snakemake):
    rows = compare_memberships(
        [read_tsv(path, ("subject",)) for path in snakemake.input.patients],
        Measurement.of_job(snakemake),
    )
    write_tsv(snakemake.output.rows, rows)
