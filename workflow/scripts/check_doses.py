"""Refuse doses that ask for more synthetic subjects than the study makes."""

from synthaug.artifacts import write_json
from synthaug.job import job
from synthaug.splits import check_doses, read_split

with job(snakemake):
    splits = [read_split(path) for path in snakemake.input.folds]
    check_doses(splits, snakemake.params.doses, snakemake.params.synthetic_subjects)
    write_json(snakemake.output.checked, snakemake.params.doses)
