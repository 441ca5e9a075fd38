"""Lines after each stage and in between: jobs done, hours left and the end by what is recorded; by hand."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta

from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.config.study import load_study
from synthaug.run_progress import ProgressLines

STUDY = {
    "name": "s",
    "datasets": {"p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 20}}},
    "models": {},
    "generators": {"mine": {"kind": "external", "folder": "/x"}},
    "arms": {"real": {}, "plus": {"generator": "mine", "dose": 1.0, "controls": ["repeated"]}},
    "tasks": {"segmentation": {"kind": "segmentation", "training_seeds": [0]}},
    "evaluation": {"extractors": {}},
}


class Run:
    """A run that began at nine on 2 March 2026; `done` ends a job and gives what is said."""

    def __init__(self, planned, hours):
        self.screen, self.hour, self.jobs = io.StringIO(), 0.0, 0
        self.lines = ProgressLines(
            load_study(STUDY),
            planned,
            lambda: hours,
            self.screen,
            seconds=lambda: 3600 * self.hour,
            now=lambda: datetime(2026, 3, 2, 9) + timedelta(hours=self.hour),
        )

    def done(self, rule, hour):
        self.hour, self.jobs, before = hour, self.jobs + 1, len(self.screen.getvalue())
        for record in (
            {"event": LogEvent.JOB_INFO, "jobid": self.jobs, "rule_name": rule},
            {"event": LogEvent.JOB_FINISHED, "job_id": self.jobs},
        ):
            self.lines.handle(logging.makeLogRecord(record))
        return self.screen.getvalue()[before:]


def test_a_line_when_the_last_job_of_a_stage_is_done_and_none_before():
    planned = {"harmonise": 1, "split_subjects": 1, "train_task": 2, "predict_test": 2, "all": 1, "total": 7}
    # All three trainings of the study take 6 h, two of which are to do.
    run = Run(planned, {"train_task": (6.0, 4)})
    assert run.done("split_subjects", 0.0) == ""
    assert run.done("harmonise", 0.1) == (
        "synthaug: harmonise: all 1 done; 2 of 7 jobs of this run; left: about 4.0 h of what is timed if one job ran "
        "after the other; end of what is timed: not known yet; not timed yet: 2 jobs (predict_test 2)\n"
    )
    assert run.done("train_task", 0.2) == ""
    assert run.done("predict_test", 0.2) == ""
    assert run.done("train_task", 0.2) == (
        "synthaug: train_task: all 2 done; 5 of 7 jobs of this run; end of what is timed: not known yet; "
        "not timed yet: 1 job (predict_test 1)\n"
    )
    assert run.done("predict_test", 0.3) == "synthaug: predict_test: all 2 done; 6 of 7 jobs of this run\n"


def test_the_end_follows_from_the_job_hours_that_an_hour_of_this_run_does():
    """Six trainings of 2 h each, several side by side."""
    run = Run({"train_task": 6}, {"train_task": (6.0, 4)})
    # 2 h of 12 in 1 h: the other 10 take 5 h.
    assert run.done("train_task", 1.0) == (
        "synthaug: 1 of 6 jobs of this run; left: about 10.0 h if one job ran after the other; "
        "end: about 2026-03-02 15:00, if jobs go on as so far: 2.0 h of them in 1.0 h\n"
    )
    # Within a stage at most one line in a quarter of an hour.
    assert run.done("train_task", 1.24) == ""
    # 6 h in 1.5 h: the other 6 take as long.
    assert "end: about 2026-03-02 12:00, " in run.done("train_task", 1.5)


def test_no_end_is_told_before_a_hundredth_of_the_job_hours_is_done():
    hours = {"harmonise": (0.05, 1), "train_task": (6.0, 4)}
    few, more = (Run({"harmonise": 1, "train_task": count}, hours) for count in (3, 2))
    # 0.05 h of 6.05 and of 4.05.
    assert "; end: not known yet" in few.done("harmonise", 0.05)
    assert "; end: about 2026-03-02 13:03, " in more.done("harmonise", 0.05)


def test_a_record_that_cannot_be_read_does_not_stop_the_run(capsys):
    def broken():
        raise KeyError("s")

    lines = ProgressLines(load_study(STUDY), {"harmonise": 1}, broken, io.StringIO())
    lines.handle(logging.makeLogRecord({"event": LogEvent.JOB_INFO, "jobid": 1, "rule_name": "harmonise"}))
    lines.handle(logging.makeLogRecord({"event": LogEvent.JOB_FINISHED, "job_id": 1}))
    assert "KeyError" in capsys.readouterr().err
