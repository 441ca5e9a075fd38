"""Measure how far a synthetic cohort's features lie from those of real training and test patients."""

import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.splits import read_split, subjects_of
from synthaug.features.files import read_features
from synthaug.measures.distances import measure_distances
from synthaug.measures.fidelity import measure_fidelity
from synthaug.measures.leakage import refuse_seen
from synthaug.measures.metric_sensitivity.corrupted_reference import measure_against_controls
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS
from synthaug.measures.text_agreement import measure_text_agreement

with job(snakemake):
    wildcards = snakemake.wildcards
    split = read_split(snakemake.input.split)
    real = read_features(snakemake.input.real)
    refuse_seen(f"extractor {wildcards.extractor}", real.seen, subjects_of(split, "test"))
    about = {
        "real": real,
        "synthetic": read_features(snakemake.input.synthetic),
        "references": {
            "real train": subjects_of(split, "train"),
            "real test": subjects_of(split, "test"),
        },
        "settings": EvaluationSettings.model_validate(snakemake.params.evaluation),
        "fields": {
            "generator": wildcards.generator,
            "fold": int(wildcards.fold),
            "generator_seed": int(wildcards.generator_seed),
        },
    }
    tables = [measure(**about) for measure in (measure_distances, measure_text_agreement)]
    tables += [
        measure_fidelity(real, about["synthetic"], subjects, {**about["fields"], "versus": versus})
        for versus, subjects in about["references"].items()
    ]
    damaged = dict(zip(CONTROLS, map(read_features, snakemake.input.controls), strict=True))
    training = about["references"]["real train"]
    controlled = (real, about["synthetic"], damaged, training, about["settings"], about["fields"])
    tables.append(measure_against_controls(*controlled))
    write_tsv(snakemake.output.rows, pd.concat([table for table in tables if len(table)]))
