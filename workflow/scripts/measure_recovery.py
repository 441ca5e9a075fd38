"""Recovery: requested diagnoses and EF categories against those that models of real patients find in the cines."""

import pandas as pd

from synthaug.core.artifacts import read_tsv, write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested, patients_in, read_split
from synthaug.jobs.job import job
from synthaug.measures.leakage import refuse_seen, seen_in_training
from synthaug.measures.measurement import Measurement
from synthaug.measures.recovery import (
    EF_CATEGORY,
    FOREST,
    NETWORK,
    leave_recovery_out,
    measure_diagnosis_recovery,
    measure_ef_recovery,
)
from synthaug.measures.scoring import predicted_volumes

NONE = {
    NETWORK: "the study has no task of kind classification with a network",
    FOREST: "the study has no classification with method random_forest and the network's classes, or no segmenter",
    EF_CATEGORY: "the study has no task of kind segmentation",
}

with job(snakemake):
    inputs, split = snakemake.input, read_split(snakemake.input.split)
    cohort, measurement = Cohort.open(inputs.cohort), Measurement.of_job(snakemake)
    tested, patients = Cohort.open_all(inputs.cohorts).select(all_tested(split)), patients_in(split)
    of_tested = [patients[subject] for subject in tested.subjects]
    rows = []
    for metric, predictions, test_predictions in (
        (NETWORK, inputs.network, inputs.network_tested),
        (FOREST, inputs.forest, inputs.forest_tested),
    ):
        rows.append(
            measure_diagnosis_recovery(
                metric, cohort, predictions, tested, split, test_predictions, measurement
            )
            if predictions
            else leave_recovery_out(metric, NONE[metric], measurement)
        )
    if inputs.measured:
        refuse_seen("the segmenter", seen_in_training(inputs.segmented), split)
        measured = read_tsv(inputs.measured, ("subject",))
        volumes = predicted_volumes(inputs.segmented, tested)
        rows.append(measure_ef_recovery(cohort, measured, tested, of_tested, volumes, measurement))
    else:
        rows.append(leave_recovery_out(EF_CATEGORY, NONE[EF_CATEGORY], measurement))
    write_tsv(snakemake.output.rows, pd.concat(rows, ignore_index=True))
