"""Harmonise one raw dataset into a cohort."""

from pathlib import Path

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.harmonise import harmonise_dataset
from synthaug.job import job

with job(snakemake):
    harmonise_dataset(
        snakemake.wildcards.dataset,
        DatasetSettings.model_validate(snakemake.params.dataset),
        Path(snakemake.params.root),
        HarmonisationSettings.model_validate(snakemake.params.grid),
        Path(snakemake.output.cohort),
        processes=snakemake.threads,
    )
