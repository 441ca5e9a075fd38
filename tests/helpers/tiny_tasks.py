"""Tasks of whole subjects, small enough to train in a second."""

from __future__ import annotations

from typing import Any

#: Sizes and lengths of a classification or regression.
SIZES: dict[str, Any] = {
    "slices": 2,
    "patch": [8, 8],
    "width": 24,
    "depth": 1,
    "heads": 2,
    "decoder_width": 12,
    "decoder_depth": 1,
    "pretraining_iterations": 4,
    "pretraining_batch_size": 2,
    "iterations": 4,
    "batch_size": 2,
    "training_seeds": [0],
}
#: Two classes that the few patients of the tiny study all have.
CLASSES = {"normal": ["NOR"], "ill": ["DCM", "HCM", "MINF", "RV"]}
