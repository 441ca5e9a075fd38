"""The memorisation audit of a synthetic cohort, with the controls that show it can find copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.measures.memorisation.positive_controls import TRANSFORMS, transform_copy
from synthaug.measures.memorisation.scores import FEWEST, Similarities, score_copies, unscored
from synthaug.measures.memorisation.similarity import describe_cine, describe_cines, similarity
from synthaug.tables import make_table

PAIR_COLUMNS = ("subject", "training_subject", "likeness", "copy")


def audit_memorisation(
    real: Cohort,
    synthetic: Cohort,
    train: Sequence[str],
    held_out: Sequence[str],
    fields: Mapping[str, Any],
    seed: int = 0,
    validation: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look for copies of training subjects among synthetic ones, in their images.

    Parameters
    ----------
    real, synthetic : Cohort
        On one grid.
    train : sequence of str
        Real training subjects of the fold; what a generator of the study was trained on.
    held_out : sequence of str
        Real subjects of the same scanners who neither train nor validate. They are judged like the synthetic
        ones: about 5 % of them should be flagged. May be empty.
    fields : mapping
        Columns that all rows share.
    seed : int
        Of the positive controls and of thinning.
    validation : sequence of str
        Real subjects of the same scanners who validate. They set the threshold where they are 20 or more,
        and are judged like those held out where they are fewer.

    Returns
    -------
    rows : DataFrame
        Result rows, named in `synthaug.measures.memorisation.scores.METRICS` and explained in docs/metrics.md.
    pairs : DataFrame
        For every synthetic subject, most similar first: subject, its most similar training subject, their similarity,
        whether it is flagged as a copy.
    """
    if len(train) < FEWEST or not synthetic.subjects:
        few = f"{len(train)} training and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are needed"
        return make_table(unscored(few, fields)), pd.DataFrame(columns=list(PAIR_COLUMNS))

    training, made = describe_cines(real, train), describe_cines(synthetic, synthetic.subjects)
    judged = {name: describe_cines(real, ids) for name, ids in (("v", validation), ("h", held_out)) if ids}
    centre = training.mean(axis=(0, 1))
    no_rows = np.empty((0, len(training)))
    rng = np.random.default_rng(seed)
    positive_controls = {"planted_found": similarity(training, training, centre)}
    for transform in TRANSFORMS:
        copies = np.stack(
            [describe_cine(transform_copy(real.cine(subject), transform, rng)) for subject in train]
        )
        positive_controls[f"planted_{transform}_found"] = similarity(copies, training, centre)
    others = [similarity(made, cines, centre) for cines in judged.values()]
    similarities = Similarities(
        training=positive_controls["planted_found"],
        synthetic=similarity(made, training, centre),
        validation=similarity(judged["v"], training, centre) if validation else no_rows,
        held_out=similarity(judged["h"], training, centre) if held_out else no_rows,
        synthetic_to_real=np.concatenate([np.empty((len(made), 0)), *others], axis=1),
        positive_controls=positive_controls,
    )
    rows, threshold = score_copies(similarities, fields, seed=seed)
    pairs = pd.DataFrame(
        {
            "subject": list(synthetic.subjects),
            "training_subject": [train[index] for index in similarities.synthetic.argmax(axis=1)],
            "likeness": similarities.synthetic.max(axis=1),
            "copy": similarities.synthetic.max(axis=1) > threshold,
        }
    )
    return make_table(rows), pairs.sort_values("likeness", ascending=False, kind="stable")
