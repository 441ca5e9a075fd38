"""Write a published table with the study's own values beside the paper's."""

from collections import defaultdict
from pathlib import Path

from synthaug.config.study import load_study
from synthaug.core.artifacts import read_tsv
from synthaug.jobs.benchmark_files import read_seconds
from synthaug.jobs.job import job
from synthaug.published.write import write_published_table
from synthaug.tables.collate import read_version
from synthaug.tables.versions import current_version

with job(snakemake):
    seconds, samples = defaultdict(float), defaultdict(int)
    for generator, times, chunk in zip(
        snakemake.params.generators, snakemake.input.times, snakemake.input.chunks, strict=True
    ):
        seconds[generator] += sum(read_seconds(times))
        samples[generator] += len(read_tsv(Path(chunk) / "attempts.tsv"))
    per_sample = {generator: seconds[generator] / count for generator, count in samples.items() if count}
    write_published_table(
        snakemake.wildcards.table,
        read_version(current_version(snakemake.input.current)),
        load_study(snakemake.params.study),
        per_sample,
        Path(snakemake.output.table),
    )
