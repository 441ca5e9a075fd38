"""Result rows of memorisation, from similarities measured on images or on features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.synthesis import CopySettings
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.estimates import (
    LEVEL,
    ComparedShare,
    Estimate,
    authenticity,
    conformal_p,
    copy_threshold,
    fewest_held_out,
    nearest_is_training,
    nearest_neighbour_ratio,
    proportion,
    unusually_near,
)
from synthaug.measures.memorisation.positive_controls import TRANSFORMS
from synthaug.tables import Row, make_table

#: Training patients without which nothing is measured.
FEWEST = 8
METRICS = (
    "copied_share",
    "copied_share_real",
    "positive_control_found",
    *(f"positive_control_{transform}_found" for transform in TRANSFORMS),
    "unusually_near_share",
    "conformal_p",
    "nearest_trained_share",
    "authenticity",
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
    held_out : ndarray, shape (n_held_out, n_train)
        Of real subjects of the training scanners whom neither the generator nor the measure of similarity has seen.
    synthetic_to_real : ndarray, shape (n_synthetic, n_train_patients + n_held_out)
        Of the synthetic subjects with one visit of each real patient, measured alike for those who train, who stand
        first, and others.
    rescans : ndarray, shape (k,)
        Of positive controls with the patient they are copies of; they set the threshold of a copy and are not
        among the following.
    patients : ndarray, shape (n_train,)
        Number of the patient of each training subject, from 0.
    positive_controls : mapping of str to ndarray, shape (k, n_train)
        Of transformed copies of the first training subjects, by metric.
    learned : bool
        Whether the measure of similarity was trained on the training subjects: then no permutation of who trained
        tests anything.
    """

    training: np.ndarray
    synthetic: np.ndarray
    held_out: np.ndarray
    synthetic_to_real: np.ndarray
    rescans: np.ndarray
    patients: np.ndarray
    positive_controls: Mapping[str, np.ndarray] = field(default_factory=dict)
    learned: bool = False


class Findings(NamedTuple):
    """Result rows, and for each synthetic subject whether it is a copy and its conformal p-value."""

    rows: list[Row]
    copies: np.ndarray
    p_values: np.ndarray


def score_copies(similarities: Similarities, measurement: Measurement, suffix: str = "") -> Findings:
    """Copies, subjects nearer than a new patient, and whose nearest patient trained.

    The share of copies is withheld where significantly more than 5 % of the held-out real patients are copies by the
    same rule (lower end of the 95 % interval): it would count patients whom nobody copied.

    Parameters
    ----------
    similarities : Similarities
        At least `FEWEST` training patients, one synthetic and one re-scan.
    measurement : Measurement
        Generator, fold and seeds; seed of the permutations.
    suffix : str
        Appended to every metric's name: ``"_features"`` where the space is one of features.
    """
    patients = similarities.patients
    threshold = copy_threshold(similarities.rescans)
    nearest, new = similarities.synthetic.max(axis=1), similarities.held_out.max(axis=1)
    copies = nearest >= threshold
    estimates: dict[str, Estimate | ComparedShare] = {
        "copied_share": proportion(copies),
        "authenticity": authenticity(1 - similarities.synthetic, 1 - similarities.training, patients),
    }
    count = len(similarities.rescans)
    which = "5th percentile" if count >= fewest_held_out() else "smallest"
    notes = {
        "copied_share": f"copy: similarity of at least {threshold:.3f}, the {which} of {count} re-scans with their own "
        "patient"
    }
    for metric, found in similarities.positive_controls.items():
        # A copy is found where the training subject most similar to it is of its own patient.
        own = patients[found.argmax(axis=1)] == patients[np.arange(len(found)) % len(patients)]
        estimates[metric] = proportion((found.max(axis=1) >= threshold) & own)
    p_values = conformal_p(nearest, new) if len(new) else np.full(len(nearest), np.nan)
    if len(new):
        among_new = proportion(new >= threshold)
        estimates["copied_share_real"] = among_new
        estimates |= _compared_with_new(similarities, p_values, notes, measurement)
        if among_new.value > LEVEL:
            notes["copied_share_real"] = "this measure of similarity does not tell copies from other patients"
        if among_new.ci_low > LEVEL:  # a share of copies would count people who were never seen
            del estimates["copied_share"]
            notes["copied_share"] = (
                f"withheld: {among_new.value:.0%} of {among_new.n} held-out real patients are copies by the same rule, so "
                "that it does not tell copies from other patients"
            )
    rows: list[Row] = []
    for metric in METRICS:
        row = measurement.row(metric + suffix)
        if metric == "nndr":
            ratio = nearest_neighbour_ratio(1 - similarities.synthetic, patients)
            row |= {"status": "ok", "value": ratio, "n": len(nearest)}
        elif metric == "conformal_p" and len(new):
            row |= {"status": "ok", "value": float(np.median(p_values)), "floor": 0.5, "n": len(nearest)}
        elif metric in estimates:
            row |= {"status": "ok", **estimates[metric]._asdict()}
        elif metric.startswith("positive_control"):
            continue
        else:
            row |= {
                "status": "not_measured",
                "note": "no real subject of the training scanners is held out",
            }
        rows.append(row | ({"note": notes[metric]} if metric in notes else {}))
    return Findings(rows, copies, p_values)


def _compared_with_new(
    similarities: Similarities,
    p_values: np.ndarray,
    notes: dict[str, str],
    measurement: Measurement,
) -> dict[str, Estimate | ComparedShare]:
    """What held-out patients say of the synthetic subjects; adds the notes of its metrics."""
    held_out = len(similarities.held_out)
    attainable = f"{held_out} held-out patients; the smallest attainable p is {1 / (held_out + 1):.3f}"
    notes["conformal_p"] = f"median over the synthetic subjects; {attainable}"
    near = unusually_near(p_values, held_out)
    estimates: dict[str, Estimate | ComparedShare] = {}
    if near is None:
        notes["unusually_near_share"] = f"{attainable}; {fewest_held_out()} are needed for p of 0.05"
    else:
        estimates["unusually_near_share"] = near
        notes["unusually_near_share"] = f"conformal p of at most {LEVEL}; {attainable}"
    to_real = similarities.synthetic_to_real
    trained = nearest_is_training(to_real, to_real.shape[1] - held_out, measurement.settings.seed)
    if similarities.learned:
        trained = trained._replace(p_value=float("nan"))
        notes["nearest_trained_share"] = "the extractor was trained on these patients: no permutation test"
    estimates["nearest_trained_share"] = trained
    return estimates


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
