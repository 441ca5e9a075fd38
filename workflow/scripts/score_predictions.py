"""Score the test predictions of one trained arm."""

from synthaug.config.arms import Arm
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.measures.leakage import refuse_seen, seen_by_segmenter
from synthaug.measures.scoring import score_predictions

with job(snakemake):
    arm, wildcards = Arm(**snakemake.params.arm), snakemake.wildcards
    cohort = Cohort.open_all(snakemake.input.cohorts)
    fields = {
        "arm": arm.name,
        "generator": arm.generator,
        "dose": arm.dose,
        "fold": int(wildcards.fold),
        "training_seed": int(wildcards.training_seed),
        "generator_seed": int(wildcards.generator_seed) if arm.generator else None,
    }
    tested = cohort.select(subjects_of(read_split(snakemake.input.split), "test"))
    refuse_seen(
        f"segmenter of arm {arm.name}", seen_by_segmenter(snakemake.input.predictions), tested.subjects
    )
    write_tsv(snakemake.output.rows, score_predictions(snakemake.input.predictions, tested, fields))
