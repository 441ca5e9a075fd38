"""Extract the features of real or synthetic cines with one extractor."""

from pydantic import TypeAdapter

from synthaug.config.features import ExtractorSettings
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.data.cohort import Cohort
from synthaug.features.extraction import extract_features

with job(snakemake):
    extract_features(
        Cohort.open_all(snakemake.input.cohorts),
        TypeAdapter(ExtractorSettings).validate_python(snakemake.params.extractor),
        snakemake.output.features,
        weights=snakemake.input.model or None,
        threads=snakemake.threads,
        progress=progress("subjects"),
    )
