"""A job that cannot succeed is not tried again, until rules can say so (snakemake/snakemake, issue 2441).

The profile of a cluster tries each failed job again: memory and time grow with the attempt, a node may be lost. Snakemake
knows only that a job failed, so that one whose input is wrong would wait in the queue four times to say the same line.
Here a job has no more attempts once its history says that it failed for good (`synthaug.jobs.attempts`). A new run begins
with a first attempt.
"""

from pathlib import Path

from snakemake.jobs import Job

from synthaug.jobs.attempts import failed_for_good


def _attempts_left(self, original=Job.restart_times):
    if self.log and failed_for_good(Path(self.log[0])):
        return 0
    return original.fget(self)


if Job.restart_times.fget.__name__ != "_attempts_left":  # this file is read anew for every job
    Job.restart_times = property(_attempts_left)
