"""Write a phantom dataset in the raw layout of a public one."""

from pathlib import Path

from synthaug.config.phantom import PhantomSettings
from synthaug.jobs.job import job
from synthaug.phantom import write_phantom

with job(snakemake):
    write_phantom(
        Path(snakemake.output.root),
        snakemake.params.layout,
        PhantomSettings.model_validate(snakemake.params.settings),
        processes=snakemake.threads,
    )
