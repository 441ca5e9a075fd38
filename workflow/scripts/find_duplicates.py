"""Look for one patient under two ids; stop where they have roles that must not share a patient."""

from synthaug.config.data import DuplicateSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.jobs.job import job
from synthaug.measures.duplicates import find_duplicates, refuse_duplicates, say_roles

with job(snakemake):
    settings = DuplicateSettings.model_validate(snakemake.params.duplicates)
    found = find_duplicates(Cohort.open_all(snakemake.input.cohorts), settings.distance)
    pairs = say_roles(found, [read_split(path) for path in snakemake.input.splits])
    if settings.action == "refuse":
        refuse_duplicates(pairs)
    write_tsv(snakemake.output.pairs, pairs)
