"""Request hearts past the range of the training patients, and say what these have."""

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import SweepSettings
from synthaug.core.artifacts import write_json
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.jobs.job import job
from synthaug.synthesis.plan_condition_sweep import plan_condition_sweep, training_ranges
from synthaug.synthesis.requests import write_requests

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    training = with_labels_of_split(cohort, split).select(subjects_of(split, "train")).table
    requests = plan_condition_sweep(
        training,
        SweepSettings.model_validate(snakemake.params.sweep),
        generator=snakemake.wildcards.generator,
        seed=int(snakemake.wildcards.generator_seed),
        grid=HarmonisationSettings.model_validate(snakemake.params.grid),
    )
    write_requests(requests, snakemake.output.requests)
    write_json(snakemake.output.ranges, training_ranges(training), checksum=True)
