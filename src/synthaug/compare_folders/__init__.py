"""Two folders of cines compared without a study: what `synthaug evaluate` runs."""

from synthaug.compare_folders.compare import Evaluation, check_features_agree, evaluate_folders
from synthaug.compare_folders.options import EvaluateOptions

__all__ = ["EvaluateOptions", "Evaluation", "check_features_agree", "evaluate_folders"]
