"""Stop a study whose autoencoder reconstructs too badly to train a generator on."""

import torch

from synthaug.config.features import ExtractorSettings
from synthaug.config.synthesis import ReconstructionCheckSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.job import job
from synthaug.core.progress import progress
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.generators.reconstruction import Reconstruction
from synthaug.measures.measurement import Measurement
from synthaug.measures.reconstruction_check import check_reconstruction, extract_reconstructions
from synthaug.measures.reconstructions import measure_reconstructions
from synthaug.tables import make_table

with job(snakemake):
    torch.set_num_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    rows = make_table([])
    if params.extractor:
        measurement = Measurement.of_job(snakemake, progress("subjects"))
        split = read_split(inputs.split)
        training = subjects_of(split, "train")
        reconstructed = extract_reconstructions(
            Cohort.open_all(inputs.cohorts).select(training),
            Reconstruction.load(inputs.weights, str(inputs.weights)),
            parse(params.extractor, ExtractorSettings),
            inputs.extractor or None,
            measurement,
        )
        rows = measure_reconstructions(
            read_features(inputs.real).with_patients(patients_in(split)),
            reconstructed,
            training,
            measurement.with_fields(versus=snakemake.wildcards.model),
        )
    limits = ReconstructionCheckSettings.model_validate(params.reconstruction_check)
    found = check_reconstruction(inputs.record, limits, rows)
    write_tsv(snakemake.output.rows, rows)
    write_json(snakemake.output.passed, found)
