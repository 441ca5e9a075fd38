"""Write a phantom dataset in the raw layout of a public one."""

from pathlib import Path

from synthaug.config.phantom import PhantomSettings
from synthaug.datasets.phantom import write_phantom
from synthaug.job import job

with job(snakemake):
    write_phantom(
        Path(snakemake.output.root),
        snakemake.params.layout,
        PhantomSettings.model_validate(snakemake.params.settings),
        processes=snakemake.threads,
    )
