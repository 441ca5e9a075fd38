"""The memorisation audit of a synthetic cohort, with the controls that show it can find copies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.positive_controls import TRANSFORMS, transform_copy
from synthaug.measures.memorisation.roles import Roles
from synthaug.measures.memorisation.scores import FEWEST, Similarities, score_copies, unscored
from synthaug.measures.memorisation.similarity import describe_cine, describe_cines, similarity
from synthaug.tables import make_table

PAIR_COLUMNS = ("subject", "training_subject", "similarity", "copy")


def audit_memorisation(
    real: Cohort, synthetic: Cohort, roles: Roles, measurement: Measurement
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look for copies of training subjects among synthetic ones, in their images.

    Parameters
    ----------
    real, synthetic : Cohort
        On one grid.
    roles : Roles
        The real subjects who train, validate and are held out.
    measurement : Measurement
        Generator, fold and seeds; seed of the positive controls and of thinning.

    Returns
    -------
    rows : DataFrame
        Result rows, named in `synthaug.measures.memorisation.scores.METRICS` and explained in docs/metrics.md.
    pairs : DataFrame
        For every synthetic subject, most similar first: subject, its most similar training subject, their similarity,
        whether it is flagged as a copy.
    """
    train, validation, held_out = roles.train, roles.validation, roles.held_out
    if len(train) < FEWEST or not synthetic.subjects:
        few = f"{len(train)} training and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are needed"
        return make_table(unscored(few, measurement)), pd.DataFrame(columns=list(PAIR_COLUMNS))

    training, made = describe_cines(real, train), describe_cines(synthetic, synthetic.subjects)
    judged = {name: describe_cines(real, ids) for name, ids in (("v", validation), ("h", held_out)) if ids}
    centre = training.mean(axis=(0, 1))
    no_rows = np.empty((0, len(training)))
    rng = np.random.default_rng(measurement.settings.seed)
    positive_controls = {"positive_control_found": similarity(training, training, centre)}
    for transform in TRANSFORMS:
        copies = np.stack(
            [describe_cine(transform_copy(real.cine(subject), transform, rng)) for subject in train]
        )
        positive_controls[f"positive_control_{transform}_found"] = similarity(copies, training, centre)
    others = [similarity(made, cines, centre) for cines in judged.values()]
    similarities = Similarities(
        training=positive_controls["positive_control_found"],
        synthetic=similarity(made, training, centre),
        validation=similarity(judged["v"], training, centre) if validation else no_rows,
        held_out=similarity(judged["h"], training, centre) if held_out else no_rows,
        synthetic_to_real=np.concatenate([np.empty((len(made), 0)), *others], axis=1),
        positive_controls=positive_controls,
    )
    rows, threshold = score_copies(similarities, measurement)
    pairs = pd.DataFrame(
        {
            "subject": list(synthetic.subjects),
            "training_subject": [train[index] for index in similarities.synthetic.argmax(axis=1)],
            "similarity": similarities.synthetic.max(axis=1),
            "copy": similarities.synthetic.max(axis=1) > threshold,
        }
    )
    return make_table(rows), pairs.sort_values("similarity", ascending=False, kind="stable")
