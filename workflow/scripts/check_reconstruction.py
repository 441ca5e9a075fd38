"""Stop a study whose autoencoder reconstructs too badly to train a generator on."""

from pydantic import TypeAdapter

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import ReconstructionCheckSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.measures.reconstruction_check import check_ceiling, reconstruction_distances
from synthaug.tables import make_table

with job(snakemake):
    source, wildcards = snakemake.input, snakemake.wildcards
    rows = make_table([])
    if snakemake.params.extractor:
        rows = reconstruction_distances(
            source.weights,
            source.cohorts,
            source.split,
            source.real,
            TypeAdapter(ExtractorSettings).validate_python(snakemake.params.extractor),
            EvaluationSettings.model_validate(snakemake.params.evaluation),
            {
                "versus": wildcards.model,
                "fold": int(wildcards.fold),
                "generator_seed": int(wildcards.generator_seed),
            },
            weights=source.extractor or None,
            threads=snakemake.threads,
            progress=progress("subjects"),
        )
    limits = ReconstructionCheckSettings.model_validate(snakemake.params.reconstruction_check)
    found = check_ceiling(source.record, limits, rows)
    write_tsv(snakemake.output.rows, rows)
    write_json(snakemake.output.passed, found)
