"""Comparison of arms: paired differences whose intervals count the variation of patients and of trainings.

`docs/statistics.md` gives the methods, the reasons and the measured error rates.
"""

from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.precision import Precision, contrast_precision
from synthaug.statistics.scores import Scores

__all__ = ["Precision", "Scores", "compare_arms", "contrast_precision"]
