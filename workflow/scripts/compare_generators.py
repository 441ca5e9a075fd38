"""Compare the generators of a study with each other: distances to the same real patients."""

from synthaug.core.artifacts import write_tsv
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.jobs.job import job
from synthaug.measures.generator_comparison import compare_generators
from synthaug.measures.leakage import refuse_seen
from synthaug.measures.measurement import Measurement

with job(snakemake):
    inputs, split = snakemake.input, read_split(snakemake.input.split)
    patients = patients_in(split)
    real = read_features(inputs.real).with_patients(patients)
    refuse_seen(f"extractor {snakemake.wildcards.extractor}", real.seen, split)
    sides = [read_features(file).with_patients(patients) for file in inputs.synthetic]
    rows = compare_generators(
        real,
        dict(zip(snakemake.params.generators, sides, strict=True)),
        {"real train": subjects_of(split, "train"), "real test": subjects_of(split, "test")},
        Measurement.of_job(snakemake),
    )
    write_tsv(snakemake.output.rows, rows)
