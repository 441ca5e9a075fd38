"""Map real training and synthetic subjects in feature space, and count how well they mix."""

from synthaug.core.artifacts import write_tsv
from synthaug.data.splits import patients_in, read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.jobs.job import job
from synthaug.measures.feature_maps import map_features
from synthaug.measures.measurement import Measurement

with job(snakemake):
    split = read_split(snakemake.input.split)
    points, rows = map_features(
        read_features(snakemake.input.real).with_patients(patients_in(split)),
        read_features(snakemake.input.synthetic),
        subjects_of(split, "train"),
        Measurement.of_job(snakemake),
    )
    write_tsv(snakemake.output.points, points)
    write_tsv(snakemake.output.rows, rows)
