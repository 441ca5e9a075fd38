"""Label the training frames of a fold that nobody labelled, with a segmenter of its real training patients."""

from pathlib import Path

from synthaug.jobs.finished import unfinished_folder
from synthaug.jobs.job import job
from synthaug.jobs.progress import progress
from synthaug.tasks.segmentation.predict import open_segmenter
from synthaug.tasks.segmentation.taught_store import teach

with job(snakemake):
    params, decided = snakemake.params, snakemake.input.get("validation")
    segmenter = open_segmenter(
        Path(snakemake.input.model),
        params.task["mirroring"],
        threads=snakemake.threads,
        validation=Path(decided) if decided else None,
    )
    teach(
        segmenter,
        Path(snakemake.input.store),
        Path(snakemake.output.store),
        float(snakemake.wildcards.confidence),
        progress=progress("subjects"),
        unfinished=unfinished_folder(snakemake.output.store, params.code, params.task),
    )
