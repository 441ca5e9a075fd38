"""Harmonise one raw dataset into a cohort."""

from pathlib import Path

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.core.registry import parse
from synthaug.data.harmonise import harmonise_dataset
from synthaug.jobs.job import job

with job(snakemake):
    harmonise_dataset(
        snakemake.wildcards.dataset,
        parse(snakemake.params.dataset, DatasetSettings),
        Path(snakemake.params.root),
        HarmonisationSettings.model_validate(snakemake.params.grid),
        Path(snakemake.output.cohort),
        processes=snakemake.threads,
    )
