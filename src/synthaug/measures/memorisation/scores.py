"""Result rows of copying, from similarities measured on images or on features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from synthaug.config.synthesis import CopySettings
from synthaug.measures.measurement import Measurement
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
from synthaug.tables import Row, make_table

#: Training subjects without which there is no threshold.
FEWEST = 8
METRICS = (
    "copied_share",
    "copied_share_real",
    "positive_control_found",
    *(f"positive_control_{transform}_found" for transform in TRANSFORMS),
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
    similarities: Similarities, measurement: Measurement, suffix: str = ""
) -> tuple[list[Row], float]:
    """Rows of copying, and the similarity above which a subject is flagged as a copy.

    Parameters
    ----------
    similarities : Similarities
        At least `FEWEST` training subjects and one synthetic.
    measurement : Measurement
        Generator, fold and seeds; seed of the thinning.
    suffix : str
        Appended to every metric's name: ``"_features"`` where the space is one of features.
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
            1 - similarities.synthetic, 1 - similarities.synthetic_to_real, measurement.settings.seed
        )
    for metric, found in similarities.positive_controls.items():
        # A copy is found where the training subject most similar to it is its own.
        own = found.argmax(axis=1) == np.arange(len(found))
        estimates[metric] = proportion((found.max(axis=1) > threshold) & own)
    rows: list[Row] = []
    for metric in METRICS:
        row = measurement.row(metric + suffix)
        if metric == "nndr":
            row |= {
                "status": "ok",
                "value": nearest_neighbour_ratio(1 - similarities.synthetic),
                "n": len(similarities.synthetic),
            }
        elif metric in estimates:
            row |= {"status": "ok", **estimates[metric]._asdict()}
        elif metric.startswith("positive_control"):
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
    note: str, measurement: Measurement, suffix: str = "", status: str = "not_measured"
) -> list[Row]:
    """A row of every metric without a value."""
    return [measurement.row(metric + suffix, status=status, note=note) for metric in METRICS]


def dropped_rows(pairs: pd.DataFrame, settings: CopySettings, measurement: Measurement) -> pd.DataFrame:
    """The row with the number of copies that no arm takes; none where copies are kept."""
    if settings.action != "drop":
        return make_table([])
    if pairs.empty:
        return make_table(
            [measurement.not_measured("copies_dropped", note="no subject could be judged", n=0)]
        )
    count = int(pairs["copy"].sum())
    return make_table([measurement.row("copies_dropped", status="ok", value=count, n=len(pairs))])
