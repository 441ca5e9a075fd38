"""A script counts by its code, until Snakemake looks at more than its time (snakemake/snakemake, issue 2192).

Snakemake reruns a job whose script is newer than its outputs. In a fresh clone, after `git pull` or in a copy of the
checkout all scripts are, so that every job would run again. Here the time of a script does not count: its code does, in
the parameter `code` that every rule has (`code_of` in common.smk).
"""

from snakemake.jobs import Job


async def _none_older(self):
    """Outputs that are older than the script: none."""
    return
    yield  # which makes it a generator


# This file is read anew for every job.
if Job.outputs_older_than_script_or_notebook.__name__ != "_none_older":
    Job.outputs_older_than_script_or_notebook = _none_older
