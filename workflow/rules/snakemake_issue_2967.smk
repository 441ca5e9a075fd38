"""The scheduler looks at the ready jobs when there is a reason to (snakemake/snakemake, issue 2967).

Snakemake may start only so many jobs a second. So each time it started some, it sets a timer to look at all ready jobs and
their inputs again a second later; and each look sets the next timer. Every finished job begins another such chain: after
200 jobs they took a fifth of a core, and each a thread, for nothing. Here a timer is set where the limit was reached, and
one at a time. Jobs that wait for cores or memory are looked at when another job ends, as ever.
"""

import threading

from snakemake.scheduling.job_scheduler import JobScheduler


def _look_again(self, delay):
    if self._look_is_due or (self.job_rate_limiter and self.job_rate_limiter.get_free_jobs()):
        return
    self._look_is_due = True

    def look():
        self._look_is_due = False  # before the look, which may want the next one
        self._open_jobs.release()

    threading.Timer(delay, look).start()


# Nothing in this workflow waits for a queue of inputs, the other user of these timers.
if JobScheduler._schedule_reevalutation.__name__ != "_look_again":  # this file is read anew for every job
    JobScheduler._look_is_due = False
    JobScheduler._schedule_reevalutation = _look_again
