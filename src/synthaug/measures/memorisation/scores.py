"""Result rows of copying from likeness, in whatever space the likeness was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthaug.measures.memorisation.estimates import (
    Share,
    authenticity,
    copy_threshold,
    nearer_to_train,
    nearest_neighbour_ratio,
    share,
    validated_threshold,
)
from synthaug.measures.memorisation.positive_controls import DISGUISES
from synthaug.metric_registry import columns_of

Row = dict[str, Any]
#: Training subjects without which there is no threshold.
FEWEST = 8
METRICS = (
    "copied_share",
    "copied_share_real",
    "planted_found",
    *(f"planted_{disguise}_found" for disguise in DISGUISES),
    "authenticity",
    "nearer_to_train",
    "nndr",
)


@dataclass(frozen=True)
class Likenesses:
    """Likeness of subjects with the training subjects, and what else the scores need; at most 1.

    Attributes
    ----------
    training : ndarray, shape (n_train, n_train)
        Of the training subjects with one another.
    synthetic : ndarray, shape (n_synthetic, n_train)
    validation, held_out : ndarray, shape (n_validation, n_train), (n_held_out, n_train)
        Of real subjects of the training scanners who do not train: those who validate, and others.
    synthetic_to_real : ndarray, shape (n_synthetic, n_validation + n_held_out)
        Of the synthetic subjects with both.
    planted : mapping of str to ndarray, shape (n_planted, n_train)
        Of planted copies of the first training subjects, by metric.
    """

    training: np.ndarray
    synthetic: np.ndarray
    validation: np.ndarray
    held_out: np.ndarray
    synthetic_to_real: np.ndarray
    planted: Mapping[str, np.ndarray] = field(default_factory=dict)


def score_copies(
    alike: Likenesses, fields: Mapping[str, Any], suffix: str = "", seed: int = 0
) -> tuple[list[Row], float]:
    """Rows of copying, and the likeness above which a subject was called a copy.

    Parameters
    ----------
    alike : Likenesses
        At least `FEWEST` training subjects and one synthetic.
    fields : mapping
        Columns that all rows share.
    suffix : str
        Appended to every metric's name: ``"_features"`` where the space is one of features.
    seed : int
        Of thinning.
    """
    threshold = validated_threshold(alike.validation.T) if len(alike.validation) else None
    judged, why = np.concatenate([alike.validation, alike.held_out]), "of any two training patients"
    if threshold is not None:
        # Whoever set the threshold cannot say whether it holds.
        judged, why = alike.held_out, f"of training with {len(alike.validation)} validation patients"
    else:
        threshold = copy_threshold(alike.training)
    shares: dict[str, Share] = {
        "copied_share": share(alike.synthetic.max(axis=1) > threshold),
        "authenticity": authenticity(1 - alike.synthetic, 1 - alike.training),
    }
    if len(judged):
        shares["copied_share_real"] = share(judged.max(axis=1) > threshold)
    if alike.synthetic_to_real.shape[1]:
        shares["nearer_to_train"] = nearer_to_train(1 - alike.synthetic, 1 - alike.synthetic_to_real, seed)
    for metric, found in alike.planted.items():
        # Found is a copy that is taken for one of its own patient, not of another.
        own = found.argmax(axis=1) == np.arange(len(found))
        shares[metric] = share((found.max(axis=1) > threshold) & own)
    rows: list[Row] = []
    for metric in METRICS:
        row: Row = {**columns_of(metric + suffix), **fields}
        if metric == "nndr":
            row |= {
                "status": "ok",
                "value": nearest_neighbour_ratio(1 - alike.synthetic),
                "n": len(alike.synthetic),
            }
        elif metric in shares:
            row |= {"status": "ok", **shares[metric]._asdict()}
        elif metric.startswith("planted"):
            continue
        else:
            note = "no real subject of the training scanners is held out"
            if metric == "copied_share_real" and len(alike.validation):
                note = "all held-out subjects of the training scanners validate, and set the threshold"
            row |= {"status": "not_measured", "note": note}
        if metric == "copied_share":
            row["note"] = f"flagged above a likeness of {threshold:.3f}: the 95th percentile {why}"
        rows.append(row)
    return rows, threshold


def unscored(
    note: str, fields: Mapping[str, Any], suffix: str = "", status: str = "not_measured"
) -> list[Row]:
    """A row of every metric without a value."""
    return [{**columns_of(metric + suffix), **fields, "status": status, "note": note} for metric in METRICS]
