"""Measure what the distances of an extractor notice, on real training cines that are damaged."""

from pydantic import TypeAdapter

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS
from synthaug.measures.metric_sensitivity.probe import probe_distances

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
