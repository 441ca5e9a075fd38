"""Measure how far the synthetic subjects of each contrast lie from the real ones of the same contrast."""

from synthaug.config.evaluation import ContrastSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.jobs.job import job
from synthaug.measures.contrast_distances import contrasts_of, measure_contrast_distances
from synthaug.measures.leakage import refuse_seen
from synthaug.measures.measurement import Measurement

with job(snakemake):
    inputs = snakemake.input
    settings = ContrastSettings.model_validate(snakemake.params.contrasts)
    split = read_split(inputs.split)
    patients = patients_in(split)
    real = read_features(inputs.real).with_patients(patients)
    refuse_seen(f"extractor {snakemake.wildcards.extractor}", real.seen, split)
    rows = measure_contrast_distances(
        real,
        read_features(inputs.synthetic).with_patients(patients),
        contrasts_of(Cohort.open_all(inputs.cohorts), settings)
        | contrasts_of(Cohort.open(inputs.synthetic_cohort), settings),
        {"real train": subjects_of(split, "train"), "real test": subjects_of(split, "test")},
        settings,
        Measurement.of_job(snakemake),
    )
    write_tsv(snakemake.output.rows, rows)
