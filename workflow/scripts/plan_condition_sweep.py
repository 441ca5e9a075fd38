"""Plan a grid of hearts that goes past the training patients, and say what these have."""

from synthaug.config.synthesis import GridSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.synthesis.condition_grid import plan_grid, training_ranges

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    training = with_labels_of_split(cohort, split).select(subjects_of(split, "train")).table
    plan = plan_grid(
        training,
        GridSettings.model_validate(snakemake.params.grid),
        generator=snakemake.wildcards.generator,
        seed=int(snakemake.wildcards.generator_seed),
        max_slices=snakemake.params.n_slices,
    )
    write_tsv(snakemake.output.plan, plan)
    write_json(snakemake.output.ranges, training_ranges(training))
