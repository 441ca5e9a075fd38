"""Map real training and synthetic subjects in feature space, and count how well they mix."""

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.splits import read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.measures.feature_maps import map_features

with job(snakemake):
    wildcards = snakemake.wildcards
    points, rows = map_features(
        read_features(snakemake.input.real),
        read_features(snakemake.input.synthetic),
        subjects_of(read_split(snakemake.input.split), "train"),
        EvaluationSettings.model_validate(snakemake.params.evaluation),
        {
            "generator": wildcards.generator,
            "fold": int(wildcards.fold),
            "generator_seed": int(wildcards.generator_seed),
        },
    )
    write_tsv(snakemake.output.points, points)
    write_tsv(snakemake.output.rows, rows)
