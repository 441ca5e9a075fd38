"""Harmonise one raw dataset into a cohort."""

from pathlib import Path

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.core.job import job
from synthaug.data.harmonise import harmonise_dataset

with job(snakemake):
    harmonise_dataset(
        snakemake.wildcards.dataset,
        DatasetSettings.model_validate(snakemake.params.dataset),
        Path(snakemake.params.root),
        HarmonisationSettings.model_validate(snakemake.params.grid),
        Path(snakemake.output.cohort),
        processes=snakemake.threads,
    )
