"""Plan the requests of a generator."""

from synthaug.config.data import HarmonisationSettings
from synthaug.config.synthesis import RequestSettings
from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.jobs.job import job
from synthaug.synthesis.plan_requests import plan_requests
from synthaug.synthesis.requests import write_requests


def sampler():
    """The model that draws phenotypes; only then PyTorch is loaded, which takes longer than a chunk's plan."""
    from synthaug.models.weights import load_model

    return load_model(snakemake.input.sampler)


with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    training = with_labels_of_split(cohort, split).select(subjects_of(split, "train"))
    packed = snakemake.params.phenotypes
    if snakemake.input.phenotypes:
        training = with_phenotypes(training, snakemake.input.phenotypes, **packed, split=split)
    requests = plan_requests(
        training.table,
        RequestSettings.model_validate(snakemake.params.requests),
        generator=snakemake.wildcards.generator,
        numbers=range(*snakemake.params.numbers),
        seed=int(snakemake.wildcards.generator_seed),
        grid=HarmonisationSettings.model_validate(snakemake.params.grid),
        sampler=sampler() if snakemake.input.sampler else None,
        masked=training,
        view=cohort.view,
        withheld=split.loc[split["role"] != "train", "subject"].tolist(),
        phenotypes=packed["columns"],
    )
    write_requests(requests, snakemake.output.requests)
