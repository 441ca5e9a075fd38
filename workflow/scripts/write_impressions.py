"""Write a sentence for every subject that trains or validates in a fold."""

from synthaug.config.data import ReportTableSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes
from synthaug.data.splits import read_split, subjects_of, with_labels_of_split
from synthaug.data.write_impressions import write_impressions
from synthaug.jobs.job import job

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    split = read_split(snakemake.input.split)
    cohort = with_labels_of_split(cohort, split)
    cohort = with_phenotypes(cohort, snakemake.input.phenotypes, **snakemake.params.phenotypes, split=split)
    reports = snakemake.params.reports.items()
    sentences = write_impressions(
        cohort,
        {name: ReportTableSettings.model_validate(own) for name, own in reports},
        [subject for role in ("train", "validation") for subject in subjects_of(split, role)],
    )
    write_tsv(snakemake.output.sentences, sentences)
