"""Stop a study whose autoencoder reconstructs too badly to train a generator on."""

import pandas as pd
import torch

from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import GateSettings, ReconstructionCheckSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.generators.reconstruction import Reconstruction
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.measures.measurement import Measurement
from synthaug.measures.reconstruction_check import (
    check_reconstruction,
    look_at_reconstructions,
    measure_reconstruction_acceptance,
)
from synthaug.measures.reconstructions import measure_reconstructions

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    split = read_split(inputs.split)
    training = subjects_of(split, "train")
    measurement = Measurement.of_job(snakemake, progress("subjects")).with_fields(
        versus=snakemake.wildcards.model
    )
    reconstructed, judged = look_at_reconstructions(
        Cohort.open_all(inputs.cohorts).select(training),
        Reconstruction.load(inputs.weights, str(inputs.weights)),
        parse(params.extractor, ExtractorSettings) if params.extractor else None,
        inputs.get("extractor") or None,
        GateSettings.model_validate(params.gate),
        measurement,
    )
    rows = measure_reconstruction_acceptance(judged, measurement)
    if reconstructed is not None:
        real = read_features(inputs.real).with_patients(patients_in(split))
        rows = pd.concat([measure_reconstructions(real, reconstructed, training, measurement), rows])
    limits = ReconstructionCheckSettings.model_validate(params.reconstruction_check)
    found = check_reconstruction(inputs.record, limits, rows)
    write_tsv(snakemake.output.rows, rows)
    write_json(snakemake.output.passed, found, checksum=True)
