"""Plan what a generator is asked for."""

from synthaug.config.synthesis import ConditionPlanSettings
from synthaug.core.artifacts import write_tsv
from synthaug.core.job import job
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.synthesis.plan import plan_conditions

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    training = with_labels_of_split(cohort, split).select(subjects_of(split, "train"))
    plan = plan_conditions(
        training.table,
        ConditionPlanSettings.model_validate(snakemake.params.plan),
        generator=snakemake.wildcards.generator,
        count=snakemake.params.subjects,
        seed=int(snakemake.wildcards.generator_seed),
        max_slices=snakemake.params.n_slices,
    )
    write_tsv(snakemake.output.plan, plan)
