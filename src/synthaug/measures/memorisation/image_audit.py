"""The memorisation audit of a synthetic cohort, with the controls that show it can find copies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.geometry import GeometrySettings
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.positive_controls import (
    RESCAN,
    TRANSFORMS,
    movement_limits,
    transform_copy,
)
from synthaug.measures.memorisation.roles import Roles
from synthaug.measures.memorisation.scores import FEWEST, Similarities, score_copies, unscored
from synthaug.measures.memorisation.similarity import (
    Search,
    as_queries,
    describe_cine,
    describe_cines,
    describe_queries,
    mean_image,
    similarity,
)
from synthaug.tables import make_table

PAIR_COLUMNS = ("subject", "training_subject", "similarity", "copy", "conformal_p")
PATIENT_COLUMNS = ("subject", "trains", "similarity")
_CONTROLS = 60  # training subjects who are copied as positive controls


class Audit(NamedTuple):
    """What an audit found.

    Attributes
    ----------
    rows : DataFrame
        Result rows, named in `synthaug.measures.memorisation.scores.METRICS` and explained in docs/metrics.md.
    pairs : DataFrame
        For every synthetic subject, most similar first: subject, its most similar training subject, their similarity,
        whether it is a copy, and its conformal p-value.
    patients : DataFrame
        For every real patient of the training scanners (one visit): subject, whether it trains, and its similarity to
        the most similar synthetic subject, measured alike for those who train and others.
    """

    rows: pd.DataFrame
    pairs: pd.DataFrame
    patients: pd.DataFrame


def audit_memorisation(
    real: Cohort,
    synthetic: Cohort,
    roles: Roles,
    measurement: Measurement,
    limits: GeometrySettings | None = None,
) -> Audit:
    """Look for copies of training subjects among synthetic ones, in their images.

    Parameters
    ----------
    real, synthetic : Cohort
        On one grid.
    roles : Roles
        The real subjects who train and are held out.
    measurement : Measurement
        Generator, fold and seeds; seed of the positive controls and of the permutations.
    limits : GeometrySettings, optional
        Largest movement of a copy; by default that of `movement_limits`.

    Returns
    -------
    Audit
    """
    train, held_out = roles.train, roles.held_out
    first_visits = roles.first_visits
    if len(first_visits) < FEWEST or not synthetic.subjects:
        few = (
            f"{len(first_visits)} training patients and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are "
            "needed"
        )
        return Audit(
            make_table(unscored(few, measurement)),
            pd.DataFrame(columns=list(PAIR_COLUMNS)),
            pd.DataFrame(columns=list(PATIENT_COLUMNS)),
        )

    limits = limits or movement_limits()
    training, made = describe_cines(real, train), describe_queries(synthetic, synthetic.subjects)
    new = describe_cines(real, held_out) if held_out else np.empty((0, *training.shape[1:]), np.float32)
    search = Search.covering(limits, min(real.cine(train[0]).shape[-2:]))
    centre, rng = mean_image(training), np.random.default_rng(measurement.settings.seed)

    def copies(transform: str) -> np.ndarray:
        return as_queries(
            np.stack(
                [
                    describe_cine(transform_copy(real.cine(subject), transform, rng, limits))
                    for subject in train[:_CONTROLS]
                ]
            )
        )

    # All at once, because every search moves the training cines again.
    queries = {"training": as_queries(training), "synthetic": made, "held_out": as_queries(new)}
    queries |= {"rescans": copies(RESCAN)}
    queries |= {f"positive_control_{transform}_found": copies(transform) for transform in TRANSFORMS}
    found = dict(
        zip(
            queries,
            np.split(
                similarity(np.concatenate(list(queries.values())), training, centre, search),
                np.cumsum([len(rows) for rows in queries.values()])[:-1],
            ),
            strict=True,
        )
    )
    patients = [train[index] for index in first_visits]
    every_patient = np.concatenate([training[first_visits], new])
    # What all have in common is here the mean over all patients, which does not depend on who trains.
    synthetic_to_real = similarity(made, every_patient, mean_image(every_patient), search)
    similarities = Similarities(
        found["training"],
        found["synthetic"],
        found["held_out"],
        synthetic_to_real,
        rescans=found["rescans"].diagonal(),
        patients=roles.units,
        positive_controls={
            "positive_control_found": found["training"],
            **{name: rows for name, rows in found.items() if name.startswith("positive_control")},
        },
    )
    findings = score_copies(similarities, measurement)
    pairs = pd.DataFrame(
        {
            "subject": list(synthetic.subjects),
            "training_subject": [train[index] for index in similarities.synthetic.argmax(axis=1)],
            "similarity": similarities.synthetic.max(axis=1),
            "copy": findings.copies,
            "conformal_p": findings.p_values,
        }
    )
    nearest = pd.DataFrame(
        {
            "subject": [*patients, *held_out],
            "trains": [True] * len(patients) + [False] * len(held_out),
            "similarity": synthetic_to_real.max(axis=0),
        }
    )
    pairs = pairs.sort_values("similarity", ascending=False, kind="stable")
    return Audit(make_table(findings.rows), pairs, nearest)
