"""Extract the features of real or synthetic cines with one extractor."""

from synthaug.config.features import ExtractorSettings
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.features.extraction import extract_features
from synthaug.jobs.finished import unfinished_folder
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress

with job(snakemake):
    extract_features(
        Cohort.open_all(snakemake.input.cohorts),
        parse(snakemake.params.extractor, ExtractorSettings),
        snakemake.output.features,
        weights=snakemake.input.model or None,
        threads=snakemake.threads,
        progress=progress("subjects"),
        unfinished=unfinished_folder(
            snakemake.output.features, snakemake.params.code, snakemake.params.extractor
        ),
    )
