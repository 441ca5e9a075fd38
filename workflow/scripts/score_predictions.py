"""Score the test predictions of one trained arm."""

from synthaug.artifacts import write_tsv
from synthaug.cohort import Cohort
from synthaug.config.arms import Arm
from synthaug.job import job
from synthaug.metrics.scoring import score_predictions
from synthaug.privacy.leakage import refuse_seen, seen_by_segmenter
from synthaug.splits import read_split, subjects_of

with job(snakemake):
    arm, wildcards = Arm(**snakemake.params.arm), snakemake.wildcards
    cohort = Cohort.open_all(snakemake.input.cohorts)
    fields = {
        "arm": arm.name,
        "generator": arm.generator,
        "dose": arm.dose,
        "fold": int(wildcards.fold),
        "training_seed": int(wildcards.seed),
        "generator_seed": int(wildcards.draw) if arm.generator else None,
    }
    tested = cohort.select(subjects_of(read_split(snakemake.input.split), "test"))
    refuse_seen(
        f"segmenter of arm {arm.name}", seen_by_segmenter(snakemake.input.predictions), tested.subjects
    )
    write_tsv(snakemake.output.rows, score_predictions(snakemake.input.predictions, tested, fields))
