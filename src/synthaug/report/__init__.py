"""The report of a study: gather what it shows, then render one self-contained page."""

from synthaug.report.gather import gather_content
from synthaug.report.inputs import ReportInputs, SyntheticRun, TrainingRun
from synthaug.report.render import render

__all__ = ["ReportInputs", "SyntheticRun", "TrainingRun", "gather_content", "render"]
