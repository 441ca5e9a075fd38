"""What Snakemake overlooks behind an ancient() input, until it does so no more (snakemake/snakemake, issue 4166).

A job that runs masks all jobs that follow it: they will run because it did, so that Snakemake looks for no other reason.
It masks those behind an ancient() input too, and then does not run them. A check that is made again would so hide that
the report is missing, or that a key was edited: the run would end at 100 % without a report, or collate old rows into
new tables, and only the next run would do the rest. Here a mask ends at an ancient() input whose file is there.
"""

from pathlib import Path

from snakemake.dag import DAG


class _Following:
    """Followers of each job, as Snakemake keeps them, less those behind nothing but ancient files that exist."""

    def __init__(self, followers):
        self._followers = followers

    def __getitem__(self, job):
        return {
            follower: files
            for follower, files in self._followers[job].items()
            if not all(file.is_ancient and Path(file).exists() for file in files)
        }


def _traverse(self, direction, *jobs, original=DAG.bfs, **how):
    return original(self, _Following(direction) if direction is self.depending else direction, *jobs, **how)


if DAG.bfs.__name__ == "bfs":  # this file is read anew for every job
    DAG.bfs = _traverse
