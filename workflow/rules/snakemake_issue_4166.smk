"""What Snakemake overlooks behind an ancient() input, until it does so no more (snakemake/snakemake, issue 4166).

A job that runs masks all jobs that follow it: they will run because it did, so that Snakemake looks for no other reason.
It masks those behind an ancient() input too, and then does not run them. A check that is made again would so hide that
the report is missing, or that a key was edited: the run would end at 100 % without a report, or collate old rows into
new tables, and only the next run would do the rest.

An ancient() input whose file is not there does make its followers run. A check that fails loses its file: once its limit
is loosened again, all that was trained behind it would be trained anew.

Here what follows behind nothing but ancient() inputs is no follower while it is decided what runs: it runs for reasons of its own.
"""

from snakemake.dag import DAG


class _Following:
    """Followers of each job, as Snakemake keeps them, less those behind nothing but ancient files."""

    def __init__(self, followers):
        self._followers = followers

    def __getitem__(self, job):
        return {
            follower: files
            for follower, files in self._followers[job].items()
            if not all(file.is_ancient for file in files)
        }


async def _decide(self, *arguments, original=DAG.update_needrun, **how):
    everything, self.depending = self.depending, _Following(self.depending)
    try:
        return await original(self, *arguments, **how)
    finally:
        self.depending = everything


if DAG.update_needrun.__name__ != "_decide":  # this file is read anew for every job
    DAG.update_needrun = _decide
