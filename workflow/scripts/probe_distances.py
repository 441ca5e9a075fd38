"""Measure what the distances of an extractor notice, on real training cines that are damaged."""

from pydantic import TypeAdapter

from synthaug.artifacts import write_tsv
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.features.probes import CONTROLS
from synthaug.job import job
from synthaug.progress import progress
from synthaug.sanity import probe_distances

with job(snakemake):
    probed = probe_distances(
        snakemake.input.cohorts,
        snakemake.input.split,
        TypeAdapter(ExtractorSettings).validate_python(snakemake.params.extractor),
        EvaluationSettings.model_validate(snakemake.params.evaluation),
        {"fold": int(snakemake.wildcards.fold)},
        weights=snakemake.input.model or None,
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
    write_tsv(snakemake.output.rows, probed.responses)
    for name, file in zip(CONTROLS, snakemake.output.controls, strict=True):
        probed.controls[name].write(file)
