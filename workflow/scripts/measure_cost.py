"""Read what a generator took: seconds of its trainings, seconds a cine."""

from pathlib import Path

from synthaug.core.artifacts import read_json, read_tsv, write_tsv
from synthaug.jobs.benchmark_files import read_seconds
from synthaug.jobs.job import job
from synthaug.measures.generation_cost import measure_cost
from synthaug.measures.measurement import Measurement

with job(snakemake):
    inputs = snakemake.input
    seconds = [sum(read_seconds(times)) for times in inputs.times]
    cines = [len(read_tsv(Path(chunk) / "attempts.tsv")) for chunk in inputs.chunks]
    records = [read_json(record) for record in inputs.records]
    write_tsv(snakemake.output.rows, measure_cost(records, seconds, cines, Measurement.of_job(snakemake)))
