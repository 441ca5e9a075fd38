"""Compare hearts drawn from a model of phenotypes with real patients."""

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes
from synthaug.data.splits import held_out_at_home, read_split, subjects_of, with_labels_of_split
from synthaug.jobs.job import job
from synthaug.measures.measurement import Measurement
from synthaug.measures.phenotype_sampling import measure_phenotype_sampling
from synthaug.models.weights import load_model

with job(snakemake):
    split = read_split(snakemake.input.split)
    cohort = with_labels_of_split(Cohort.open_all(snakemake.input.cohorts), split)
    cohort = with_phenotypes(cohort, snakemake.input.phenotypes, **snakemake.params.phenotypes, split=split)
    rows = measure_phenotype_sampling(
        load_model(snakemake.input.weights),
        training=cohort.select(subjects_of(split, "train")).table,
        held_out=cohort.select(held_out_at_home(split)).table,
        measurement=Measurement.of_job(snakemake).with_fields(generator=snakemake.wildcards.model),
    )
    write_tsv(snakemake.output.rows, rows)
