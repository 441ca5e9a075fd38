"""Measure how far a synthetic cohort's features lie from those of real training and test patients."""

import pandas as pd

from synthaug.core.artifacts import write_tsv
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.jobs.job import job
from synthaug.measures.distances import measure_distances
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.leakage import refuse_seen
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corrupted_reference import measure_against_corrupted
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS
from synthaug.measures.text_agreement import measure_text_agreement

with job(snakemake):
    inputs, measurement = snakemake.input, Measurement.of_job(snakemake)
    split = read_split(inputs.split)
    training, tested = subjects_of(split, "train"), subjects_of(split, "test")
    patients = patients_in(split)
    real = read_features(inputs.real).with_patients(patients)
    synthetic = read_features(inputs.synthetic).with_patients(patients)
    refuse_seen(f"extractor {snakemake.wildcards.extractor}", real.seen, split)
    references = {"real train": training, "real test": tested}
    corrupted = dict(zip(CONTROLS, map(read_features, inputs.controls), strict=True))
    tables = [
        measure_distances(real, synthetic, references, measurement),
        measure_text_agreement(real, synthetic, references, measurement),
        *(
            measure_fidelity(real, synthetic, subjects, measurement.with_fields(versus=versus), training)
            for versus, subjects in references.items()
        ),
        measure_against_corrupted(real, synthetic, corrupted, training, measurement),
    ]
    write_tsv(snakemake.output.rows, pd.concat([table for table in tables if len(table)]))
