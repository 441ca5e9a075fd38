"""The memorisation audit of a synthetic cohort, with the controls that show it can find copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.cohort import Cohort
from synthaug.metrics.definitions import fields_of
from synthaug.privacy.likeness import describe_cines, likeness
from synthaug.privacy.memorisation import (
    Share,
    authenticity,
    copy_threshold,
    nearer_to_train,
    nearest_neighbour_ratio,
    share,
)
from synthaug.tables import make_table

#: Training subjects without which there is no threshold.
_FEWEST = 8
_PLANTED_NOISE = 0.05
METRICS = (
    "copied_share",
    "copied_share_real",
    "planted_found",
    "planted_altered_found",
    "authenticity",
    "nearer_to_train",
    "nndr",
)


def audit_memorisation(
    real: Cohort,
    synthetic: Cohort,
    train: Sequence[str],
    held_out: Sequence[str],
    fields: Mapping[str, Any],
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look for copies of training subjects among synthetic ones.

    Parameters
    ----------
    real, synthetic : Cohort
        On one grid.
    train : sequence of str
        Real training subjects of the fold; what a generator of the study was trained on.
    held_out : sequence of str
        Real subjects of the same scanners who do not train. They are judged like the synthetic
        ones: about 5 % of them should be flagged. May be empty.
    fields : mapping
        Columns that all rows share.
    seed : int
        Of the planted copies and of thinning.

    Returns
    -------
    rows : DataFrame
        Result rows, named in `METRICS` and explained in docs/metrics.md.
    pairs : DataFrame
        For every synthetic subject, most alike first: subject, training subject most like it, likeness,
        whether it is flagged as a copy.
    """
    columns = ["subject", "training_subject", "likeness", "copy"]
    if len(train) < _FEWEST or not synthetic.subjects:
        few = f"{len(train)} training and {len(synthetic.subjects)} synthetic subjects; {_FEWEST} and 1 are needed"
        rows = [{**fields_of(name), **fields, "status": "not_measured", "note": few} for name in METRICS]
        return make_table(rows), pd.DataFrame(columns=columns)

    training, made = describe_cines(real, train), describe_cines(synthetic, synthetic.subjects)
    centre = training.mean(axis=(0, 1))
    within, found = likeness(training, training, centre), likeness(made, training, centre)
    threshold = copy_threshold(within)
    shares: dict[str, Share] = {
        "copied_share": share(found.max(axis=1) > threshold),
        "authenticity": authenticity(1 - found, 1 - within),
    }
    if held_out:
        judged = describe_cines(real, held_out)
        shares["copied_share_real"] = share(likeness(judged, training, centre).max(axis=1) > threshold)
        shares["nearer_to_train"] = nearer_to_train(1 - found, 1 - likeness(made, judged, centre), seed)
    for name, planted in _planted(training, seed).items():
        shares[name] = share(likeness(planted, training, centre).max(axis=1) > threshold)

    rows = [
        {**fields_of(name), **fields, "status": "ok", **value._asdict()} for name, value in shares.items()
    ]
    rows[0]["note"] = (
        f"flagged above a likeness of {threshold:.3f} with a training subject: 5 % of real ones are with each other"
    )
    for name in ("copied_share_real", "nearer_to_train"):
        if name not in shares:
            why = "no real subject of the training scanners is held out"
            rows.append({**fields_of(name), **fields, "status": "not_measured", "note": why})
    ratio = {"value": nearest_neighbour_ratio(1 - found), "n": len(found), "status": "ok"}
    rows.append({**fields_of("nndr"), **fields, **ratio})
    nearest = found.argmax(axis=1)
    pairs = pd.DataFrame(
        {
            "subject": list(synthetic.subjects),
            "training_subject": [train[index] for index in nearest],
            "likeness": found.max(axis=1),
            "copy": found.max(axis=1) > threshold,
        }
    )
    return make_table(rows), pairs.sort_values("likeness", ascending=False, kind="stable")


def _planted(training: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Copies of the training subjects as a generator might make them: exact, and disguised."""
    rng = np.random.default_rng(seed)
    disguised = np.roll(training, training.shape[1] // 3, axis=1)[..., ::-1]
    noise = _PLANTED_NOISE * rng.standard_normal(training.shape)
    return {"planted_found": training, "planted_altered_found": (disguised + noise).astype(np.float32)}
