"""Result rows of copying, from similarities measured on images or on features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthaug.measures.memorisation.estimates import (
    Estimate,
    authenticity,
    copy_threshold,
    nearer_to_train,
    nearest_neighbour_ratio,
    proportion,
    validated_threshold,
)
from synthaug.measures.memorisation.positive_controls import TRANSFORMS
from synthaug.metric_registry import columns_of
from synthaug.tables import Row

#: Training subjects without which there is no threshold.
FEWEST = 8
METRICS = (
    "copied_share",
    "copied_share_real",
    "planted_found",
    *(f"planted_{transform}_found" for transform in TRANSFORMS),
    "authenticity",
    "nearer_to_train",
    "nndr",
)


@dataclass(frozen=True)
class Similarities:
    """Similarity of subjects with the training subjects, and what else the scores need; at most 1.

    Attributes
    ----------
    training : ndarray, shape (n_train, n_train)
        Of the training subjects with one another.
    synthetic : ndarray, shape (n_synthetic, n_train)
    validation, held_out : ndarray, shape (n_validation, n_train), (n_held_out, n_train)
        Of real subjects of the training scanners who do not train: those who validate, and others.
    synthetic_to_real : ndarray, shape (n_synthetic, n_validation + n_held_out)
        Of the synthetic subjects with both.
    positive_controls : mapping of str to ndarray, shape (n_controls, n_train)
        Of transformed copies of the first training subjects, by metric.
    """

    training: np.ndarray
    synthetic: np.ndarray
    validation: np.ndarray
    held_out: np.ndarray
    synthetic_to_real: np.ndarray
    positive_controls: Mapping[str, np.ndarray] = field(default_factory=dict)


def score_copies(
    similarities: Similarities, fields: Mapping[str, Any], suffix: str = "", seed: int = 0
) -> tuple[list[Row], float]:
    """Rows of copying, and the similarity above which a subject is flagged as a copy.

    Parameters
    ----------
    similarities : Similarities
        At least `FEWEST` training subjects and one synthetic.
    fields : mapping
        Columns that all rows share.
    suffix : str
        Appended to every metric's name: ``"_features"`` where the space is one of features.
    seed : int
        Of thinning.
    """
    threshold = validated_threshold(similarities.validation.T) if len(similarities.validation) else None
    judged, why = (
        np.concatenate([similarities.validation, similarities.held_out]),
        "of any two training patients",
    )
    if threshold is not None:
        # Subjects that set the threshold cannot test it.
        judged, why = (
            similarities.held_out,
            f"of training with {len(similarities.validation)} validation patients",
        )
    else:
        threshold = copy_threshold(similarities.training)
    estimates: dict[str, Estimate] = {
        "copied_share": proportion(similarities.synthetic.max(axis=1) > threshold),
        "authenticity": authenticity(1 - similarities.synthetic, 1 - similarities.training),
    }
    if len(judged):
        estimates["copied_share_real"] = proportion(judged.max(axis=1) > threshold)
    if similarities.synthetic_to_real.shape[1]:
        estimates["nearer_to_train"] = nearer_to_train(
            1 - similarities.synthetic, 1 - similarities.synthetic_to_real, seed
        )
    for metric, found in similarities.positive_controls.items():
        # A copy is found where the training subject most similar to it is its own.
        own = found.argmax(axis=1) == np.arange(len(found))
        estimates[metric] = proportion((found.max(axis=1) > threshold) & own)
    rows: list[Row] = []
    for metric in METRICS:
        row: Row = {**columns_of(metric + suffix), **fields}
        if metric == "nndr":
            row |= {
                "status": "ok",
                "value": nearest_neighbour_ratio(1 - similarities.synthetic),
                "n": len(similarities.synthetic),
            }
        elif metric in estimates:
            row |= {"status": "ok", **estimates[metric]._asdict()}
        elif metric.startswith("planted"):
            continue
        else:
            note = "no real subject of the training scanners is held out"
            if metric == "copied_share_real" and len(similarities.validation):
                note = "all held-out subjects of the training scanners validate, and set the threshold"
            row |= {"status": "not_measured", "note": note}
        if metric == "copied_share":
            row["note"] = f"flagged above a similarity of {threshold:.3f}: the 95th percentile {why}"
        rows.append(row)
    return rows, threshold


def unscored(
    note: str, fields: Mapping[str, Any], suffix: str = "", status: str = "not_measured"
) -> list[Row]:
    """A row of every metric without a value."""
    return [{**columns_of(metric + suffix), **fields, "status": status, "note": note} for metric in METRICS]
