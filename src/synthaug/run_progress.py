"""How far a run is, what is left of it and when it ends: one line after each stage that takes long, and in between."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.config.study import StudySettings
from synthaug.cost import count_jobs, estimate_hours

_NAMED = 3  # rules that a line names
_EVERY_S = 15 * 60  # between two lines within a stage
_LEAST_DONE = 0.01  # of the job hours, before an end is told


class ProgressLines(logging.Handler):
    """A handler of Snakemake's logger that says a line when the last job of a rule is done, else every 15 minutes.

    The expected end is now + (job hours left) x (hours since the run began) / (job hours done). Job hours are means of
    recorded times; of jobs side by side several are done in an hour. A job that runs counts as not begun.

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
    seconds : callable
        Clock that never jumps.
    now : callable
        Date and time, for the expected end.
    """

    def __init__(
        self,
        study: StudySettings,
        planned: Mapping[str, int],
        hours: Callable[[], Mapping[str, tuple[float, int]]],
        screen: TextIO | None = None,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__()
        self._planned = {rule: count for rule, count in planned.items() if rule != "total"}
        self._of_study, self._hours, self._screen = count_jobs(study), hours, screen
        self._rules: dict[int, str] = {}
        self._done: Counter[str] = Counter()
        self._seconds, self._now = seconds, now
        self._begun = self._said = seconds()

    def emit(self, record: logging.LogRecord) -> None:
        """Count the job, where the record is of one that begins or is done."""
        event, job = getattr(record, "event", None), record.__dict__
        try:
            if event == LogEvent.JOB_INFO:
                self._rules[job["jobid"]] = job["rule_name"]
            elif event == LogEvent.JOB_FINISHED and (rule := self._rules.pop(job["job_id"], None)):
                self._done[rule] += 1
                last = rule in self._of_study and self._done[rule] == self._planned.get(rule)
                if last or self._seconds() - self._said >= _EVERY_S:
                    self._said = self._seconds()
                    stage = f"{rule}: all {self._done[rule]} done; " if last else ""
                    print(f"synthaug: {stage}{self._line()}", file=self._screen or sys.stderr, flush=True)
        except Exception:  # the run must go on
            self.handleError(record)

    def _line(self) -> str:
        left = {
            name: count - self._done[name]
            for name, count in self._planned.items()
            if name in self._of_study and count > self._done[name]
        }
        each = {name: hours / self._of_study[name] for name, (hours, _) in self._hours().items()}
        total = _hours_of(left.items(), each)
        unknown = sorted((name for name in left if name not in each), key=lambda name: -left[name])
        said = [f"{sum(self._done.values())} of {sum(self._planned.values())} jobs of this run"]
        timed = " of what is timed" if unknown else ""
        if total:
            said.append(f"left: about {_duration(total)}{timed} if one job ran after the other")
        if left:
            said.append(f"end{timed}: {self._end(total, _hours_of(self._done.items(), each))}")
        if unknown:
            named = ", ".join(f"{name} {left[name]}" for name in unknown[:_NAMED])
            more = ", ..." if len(unknown) > _NAMED else ""
            jobs = sum(left[name] for name in unknown)
            said.append(f"not timed yet: {jobs} job{'' if jobs == 1 else 's'} ({named}{more})")
        return "; ".join(said)

    def _end(self, left: float, done: float) -> str:
        """When `left` job hours are done, if `done` ones took as long as this run has so far."""
        elapsed = (self._seconds() - self._begun) / 3600
        if not left or done < _LEAST_DONE * (done + left):
            return "not known yet"
        end = self._now() + timedelta(hours=left * elapsed / done)
        return f"about {end:%Y-%m-%d %H:%M}, if jobs go on as so far: {_duration(done)} of them in {_duration(elapsed)}"


def progress_lines(
    study: StudySettings, planned: Mapping[str, int], results: str | Path = "results"
) -> ProgressLines:
    """The handler for a run of a study, with hours from its own and earlier results; see `ProgressLines`."""
    return ProgressLines(study, planned, lambda: estimate_hours(study, count_jobs(study), Path(results)))


def _hours_of(jobs: Iterable[tuple[str, int]], each: Mapping[str, float]) -> float:
    """Hours of jobs, of those rules whose time is known."""
    return sum(each[name] * count for name, count in jobs if name in each)


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(60 * hours))} min"
