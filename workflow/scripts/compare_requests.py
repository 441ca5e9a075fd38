"""Compare generators that were asked for the same hearts, request by request."""

from pathlib import Path

from synthaug.core.artifacts import read_tsv, write_tsv
from synthaug.data.cohort import Cohort
from synthaug.jobs.job import job
from synthaug.measures.measurement import Measurement
from synthaug.measures.request_pairs import Answers, compare_requests
from synthaug.synthesis.gather import read_attempts

TEXTS = ("subject", "structure", "phase", "training_subject")


def tables(files, count):
    """Each generator's table; None for all where the study measures none."""
    return [read_tsv(file, TEXTS) for file in files] if files else [None] * count


with job(snakemake):
    inputs, generators = snakemake.input, snakemake.params.generators
    found = zip(
        inputs.cohorts,
        tables(inputs.measured, len(generators)),
        tables(inputs.agreement, len(generators)),
        tables(inputs.copies, len(generators)),
        strict=True,
    )
    answers = []
    for folder, measured, agreement, copies in found:
        cohort, attempts = Cohort.open(folder), read_attempts(Path(folder) / "attempts.tsv")
        conditions = cohort.meta.get("conditions")
        answers.append(Answers(cohort.table, attempts, measured, agreement, copies, conditions))
    rows = compare_requests(dict(zip(generators, answers, strict=True)), Measurement.of_job(snakemake))
    write_tsv(snakemake.output.rows, rows)
