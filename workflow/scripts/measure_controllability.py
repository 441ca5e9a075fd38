"""Controllability: requested volumes and phenotypes against those an independent segmenter measures."""

import pandas as pd

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.measures.controllability import OWN_MASKS, SEGMENTER, leave_masks_out, measure_controllability
from synthaug.measures.measurement import Measurement
from synthaug.measures.predicted_phenotypes import predicted_phenotypes, requested_phenotypes
from synthaug.measures.scoring import predicted_volumes

with job(snakemake):
    cohort = Cohort.open(snakemake.input.cohort)
    measured = predicted_volumes(snakemake.input.predictions, cohort)
    if requested := requested_phenotypes(cohort.table):
        others = predicted_phenotypes(snakemake.input.predictions, cohort, requested)
        # A volume that the image cuts has a value there and none here: each keeps its own definition.
        measured = measured.merge(others.drop(columns=measured.columns[1:], errors="ignore"), on="subject")
    options = (cohort.meta.get("conditions"), Measurement.of_job(snakemake))
    rows = [measure_controllability(cohort.table, measured, SEGMENTER, *options)]
    if "labelled_by" in cohort.meta:  # by the segmenter that measures: it would agree with itself
        rows.append(leave_masks_out(rows[0], f"the masks are by {cohort.meta['labelled_by']}"))
    else:
        rows.append(measure_controllability(cohort.table, cohort.table, OWN_MASKS, *options))
    write_tsv(snakemake.output.rows, pd.concat(rows, ignore_index=True))
    write_tsv(snakemake.output.measured, measured)
