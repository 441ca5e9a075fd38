"""Request the hearts of a generator in several contrasts."""

from synthaug.config.data import HarmonisationSettings
from synthaug.config.evaluation import ContrastSettings
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.jobs.job import job
from synthaug.synthesis.plan_contrasts import plan_contrasts
from synthaug.synthesis.requests import write_requests

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    training = with_labels_of_split(cohort, split).select(subjects_of(split, "train")).table
    requests = plan_contrasts(
        Cohort.open_all(snakemake.input.requests),
        training,
        ContrastSettings.model_validate(snakemake.params.contrasts),
        HarmonisationSettings.model_validate(snakemake.params.grid),
    )
    write_requests(requests, snakemake.output.requests)
