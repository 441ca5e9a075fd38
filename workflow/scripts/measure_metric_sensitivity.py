"""Metric sensitivity: responses of an extractor's distances to corrupted real training cines."""

import torch

from synthaug.config.features import ExtractorSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS
from synthaug.measures.metric_sensitivity.sensitivity import measure_metric_sensitivity

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    inputs = snakemake.input
    split = read_split(inputs.split)
    found = measure_metric_sensitivity(
        Cohort.open_all(inputs.cohorts).select(subjects_of(split, "train")),
        parse(snakemake.params.extractor, ExtractorSettings),
        inputs.model or None,
        Measurement.of_job(snakemake, progress("subjects")),
        patients_in(split),
    )
    write_tsv(snakemake.output.rows, found.responses)
    for name, file in zip(CONTROLS, snakemake.output.controls, strict=True):
        found.controls[name].write(file)
