"""Collate all result rows into a versioned table."""

from pathlib import Path

from synthaug.job import job
from synthaug.provenance import run_record
from synthaug.versions import publish, write_current

with job(snakemake):
    current = Path(snakemake.output.current)
    row_files = [*snakemake.input.scores, snakemake.input.comparisons, *snakemake.input.generators]
    record = run_record(snakemake.params.study, Path(snakemake.scriptdir).parents[1])
    write_current(current, publish(row_files, current.parent, record))
