"""Write the requests to a generator in words."""

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.sentence_column import SENTENCE_COLUMNS
from synthaug.jobs.job import job
from synthaug.synthesis.requests import write_requests
from synthaug.synthesis.word_requests import word_requests
from synthaug.text.words import words

with job(snakemake):
    sentences = read_tsv(snakemake.input.sentences, SENTENCE_COLUMNS)["sentence"].dropna()
    requests = word_requests(
        Cohort.open(snakemake.input.requests),
        snakemake.params.held_out,
        known={word for sentence in sentences for word in words(sentence)},
    )
    write_requests(requests, snakemake.output.requests)
