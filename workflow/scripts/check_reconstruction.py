"""Stop a study whose autoencoder reconstructs too badly to train a generator on."""

from synthaug.artifacts import write_json
from synthaug.config.synthesis import CeilingSettings
from synthaug.job import job
from synthaug.models.ceiling import check_ceiling

with job(snakemake):
    found = check_ceiling(snakemake.input.record, CeilingSettings.model_validate(snakemake.params.ceiling))
    write_json(snakemake.output.passed, found)
