"""A line after each stage: jobs done, hours left by what is recorded; by hand."""

from __future__ import annotations

import io
import logging

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


def test_a_line_when_the_last_job_of_a_stage_is_done_and_none_before():
    screen = io.StringIO()
    planned = {"harmonise": 1, "split_subjects": 1, "train_task": 2, "predict_test": 2, "all": 1, "total": 7}
    # All three trainings of the study take 6 h, two of which are to do.
    lines = ProgressLines(load_study(STUDY), planned, lambda: {"train_task": (6.0, 4)}, screen)

    def done(number, rule):
        said = len(screen.getvalue())
        for record in (
            {"event": LogEvent.JOB_INFO, "jobid": number, "rule_name": rule},
            {"event": LogEvent.JOB_FINISHED, "job_id": number},
        ):
            lines.handle(logging.makeLogRecord(record))
        return screen.getvalue()[said:]

    assert done(1, "split_subjects") == ""
    assert done(2, "harmonise") == (
        "synthaug: harmonise: all 1 done; 2 of 7 jobs of this run; left: about 4.0 h of what is timed if one job ran "
        "after the other; not timed yet: 2 jobs (predict_test 2)\n"
    )
    assert done(3, "train_task") == ""
    assert done(4, "predict_test") == ""
    assert done(5, "train_task") == (
        "synthaug: train_task: all 2 done; 5 of 7 jobs of this run; not timed yet: 1 job (predict_test 1)\n"
    )


def test_a_record_that_cannot_be_read_does_not_stop_the_run(capsys):
    def broken():
        raise KeyError("s")

    lines = ProgressLines(load_study(STUDY), {"harmonise": 1}, broken, io.StringIO())
    lines.handle(logging.makeLogRecord({"event": LogEvent.JOB_INFO, "jobid": 1, "rule_name": "harmonise"}))
    lines.handle(logging.makeLogRecord({"event": LogEvent.JOB_FINISHED, "job_id": 1}))
    assert "KeyError" in capsys.readouterr().err
