"""How far a run is, and what is left of it: one line after each stage that takes long."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.config.study import StudySettings
from synthaug.cost import count_jobs, estimate_hours

_NAMED = 3  # rules that a line names


class ProgressLines(logging.Handler):
    """A handler of Snakemake's logger that says a line when the last job of a rule is done.

    Parameters
    ----------
    study : StudySettings
        The study that runs.
    planned : mapping of str to int
        Jobs of each rule that this run will do.
    hours : callable
        Gives what all jobs of the study's rules take: hours by rule, from what is recorded by now (`estimate_hours`).
    screen : TextIO, optional
        Where; standard error if not given.
    """

    def __init__(
        self,
        study: StudySettings,
        planned: Mapping[str, int],
        hours: Callable[[], Mapping[str, tuple[float, int]]],
        screen: TextIO | None = None,
    ) -> None:
        super().__init__()
        self._planned = {rule: count for rule, count in planned.items() if rule != "total"}
        self._of_study, self._hours, self._screen = count_jobs(study), hours, screen
        self._rules: dict[int, str] = {}
        self._done: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count the job, where the record is of one that begins or is done."""
        event, job = getattr(record, "event", None), record.__dict__
        try:
            if event == LogEvent.JOB_INFO:
                self._rules[job["jobid"]] = job["rule_name"]
            elif event == LogEvent.JOB_FINISHED and (rule := self._rules.pop(job["job_id"], None)):
                self._done[rule] += 1
                if rule in self._of_study and self._done[rule] == self._planned.get(rule):
                    print(self._line(rule), file=self._screen or sys.stderr, flush=True)
        except Exception:  # the run must go on
            self.handleError(record)

    def _line(self, rule: str) -> str:
        left = {
            name: count - self._done[name]
            for name, count in self._planned.items()
            if name in self._of_study and count > self._done[name]
        }
        hours = self._hours()
        total = sum(
            hours[name][0] / self._of_study[name] * count for name, count in left.items() if name in hours
        )
        unknown = sorted((name for name in left if name not in hours), key=lambda name: -left[name])
        said = [
            f"synthaug: {rule}: all {self._done[rule]} done; {sum(self._done.values())} of "
            f"{sum(self._planned.values())} jobs of this run"
        ]
        if total:
            timed = " of what is timed" if unknown else ""
            said.append(f"left: about {_duration(total)}{timed} if one job ran after the other")
        if unknown:
            named = ", ".join(f"{name} {left[name]}" for name in unknown[:_NAMED])
            more = ", ..." if len(unknown) > _NAMED else ""
            jobs = sum(left[name] for name in unknown)
            said.append(f"not timed yet: {jobs} job{'' if jobs == 1 else 's'} ({named}{more})")
        return "; ".join(said)


def progress_lines(
    study: StudySettings, planned: Mapping[str, int], results: str | Path = "results"
) -> ProgressLines:
    """The handler for a run of a study, with hours from its own and earlier results; see `ProgressLines`."""
    return ProgressLines(study, planned, lambda: estimate_hours(study, count_jobs(study), Path(results)))


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(60 * hours))} min"
