"""Render the report from its content: one HTML file."""

from pathlib import Path

from synthaug.jobs.job import job
from synthaug.report.render import render

with job(snakemake):
    render(Path(snakemake.input.content), Path(snakemake.output.page))
