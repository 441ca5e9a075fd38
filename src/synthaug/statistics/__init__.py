"""Statistics of a study's arms: paired over patients, with the variation of trainings counted.

`docs/statistics.md` says what is computed, why, and how well it was measured to work.
"""

from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.precision import Precision, contrast_precision
from synthaug.statistics.scores import Scores

__all__ = ["Precision", "Scores", "compare_arms", "contrast_precision"]
