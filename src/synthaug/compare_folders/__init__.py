"""Two folders of cines compared without a study: what `synthaug evaluate` runs."""

from synthaug.compare_folders.compare import (
    EvaluateOptions,
    Evaluation,
    check_features_agree,
    evaluate_folders,
)

__all__ = ["EvaluateOptions", "Evaluation", "check_features_agree", "evaluate_folders"]
