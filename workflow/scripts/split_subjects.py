"""Split the patients of all cohorts into folds, one table a fold."""

from synthaug.config.data import SplitSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import make_splits
from synthaug.jobs.job import job

with job(snakemake):
    cohort = Cohort.open_all(snakemake.input.cohorts)
    folds = make_splits(cohort.table, SplitSettings.model_validate(snakemake.params.split))
    for path, fold in zip(snakemake.output.folds, folds, strict=True):
        write_tsv(path, fold)
