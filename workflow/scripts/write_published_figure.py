"""Draw a figure of a paper from the study's own generators."""

from pathlib import Path

from synthaug.jobs.job import job
from synthaug.published.texdc_figures import write_published_figure

with job(snakemake):
    files = {}
    for (generator, what), file in zip(snakemake.params.shown, snakemake.input.files, strict=True):
        files.setdefault(generator, {})[what] = Path(file)
    simulated = zip(snakemake.params.simulated, map(Path, snakemake.input.simulated), strict=True)
    write_published_figure(snakemake.wildcards.figure, files, Path(snakemake.output.figure), dict(simulated))
