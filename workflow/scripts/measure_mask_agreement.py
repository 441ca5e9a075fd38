"""Compare a generator's masks with those an independent segmenter finds in its images."""

import pandas as pd

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import labelled_of_diagnosis, read_split, subjects_of
from synthaug.jobs.job import job
from synthaug.measures.mask_agreement import (
    REAL,
    agreement_by_diagnosis,
    agreement_of_subjects,
    agreement_rows,
    leave_agreement_out,
    measure_mask_agreement,
    measure_requested_masks,
    unseen_diagnoses,
    whose_masks,
)
from synthaug.measures.measurement import Measurement
from synthaug.measures.synthetic_sample import joined, sample_cohort

with job(snakemake):
    measurement = Measurement.of_job(snakemake).with_fields(versus="segmenter")
    cohort, note = sample_cohort(Cohort.open(snakemake.input.cohort), measurement.settings)
    real = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    validation = real.select(subjects_of(split, "validation"))
    # The segmenter of real patients was trained on those of them that have labels.
    trained = labelled_of_diagnosis(split)
    others = whose_masks(cohort.meta)
    own = cohort.select([]) if others else cohort
    subjects = agreement_of_subjects(snakemake.input.predictions, own)
    diagnoses = own.table["diagnosis"].dropna().to_dict()
    synthetic = (
        leave_agreement_out(others, measurement)
        if others
        else agreement_rows(subjects, measurement, note=joined(note, unseen_diagnoses(diagnoses, trained)))
    )
    by_diagnosis = agreement_by_diagnosis(subjects, diagnoses, trained, measurement)
    reached = measure_mask_agreement(snakemake.input.validation, validation, measurement, of=REAL)
    asked = measure_requested_masks(snakemake.input.predictions, cohort, measurement, note)
    write_tsv(snakemake.output.subjects, subjects)
    write_tsv(snakemake.output.rows, pd.concat([synthetic, by_diagnosis, reached, asked], ignore_index=True))
