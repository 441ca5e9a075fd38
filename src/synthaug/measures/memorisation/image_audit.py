"""The memorisation audit of a synthetic cohort, with the controls that show it can find copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.measures.memorisation.positive_controls import DISGUISES, plant
from synthaug.measures.memorisation.scores import FEWEST, Likenesses, score_copies, unscored
from synthaug.measures.memorisation.similarity import describe_cine, describe_cines, likeness
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
        Of the planted copies and of thinning.
    validation : sequence of str
        Real subjects of the same scanners who validate. They set the threshold where they are 20 or more,
        and are judged like those held out where they are fewer.

    Returns
    -------
    rows : DataFrame
        Result rows, named in `synthaug.measures.memorisation.scores.METRICS` and explained in docs/metrics.md.
    pairs : DataFrame
        For every synthetic subject, most alike first: subject, training subject most like it, likeness,
        whether it is flagged as a copy.
    """
    if len(train) < FEWEST or not synthetic.subjects:
        few = f"{len(train)} training and {len(synthetic.subjects)} synthetic subjects; {FEWEST} and 1 are needed"
        return make_table(unscored(few, fields)), pd.DataFrame(columns=list(PAIR_COLUMNS))

    training, made = describe_cines(real, train), describe_cines(synthetic, synthetic.subjects)
    judged = {name: describe_cines(real, ids) for name, ids in (("v", validation), ("h", held_out)) if ids}
    centre = training.mean(axis=(0, 1))
    nobody = np.empty((0, len(training)))
    rng = np.random.default_rng(seed)
    planted = {"planted_found": likeness(training, training, centre)}
    for disguise in DISGUISES:
        copies = np.stack([describe_cine(plant(real.cine(subject), disguise, rng)) for subject in train])
        planted[f"planted_{disguise}_found"] = likeness(copies, training, centre)
    others = [likeness(made, cines, centre) for cines in judged.values()]
    alike = Likenesses(
        training=planted["planted_found"],
        synthetic=likeness(made, training, centre),
        validation=likeness(judged["v"], training, centre) if validation else nobody,
        held_out=likeness(judged["h"], training, centre) if held_out else nobody,
        synthetic_to_real=np.concatenate([np.empty((len(made), 0)), *others], axis=1),
        planted=planted,
    )
    rows, threshold = score_copies(alike, fields, seed=seed)
    pairs = pd.DataFrame(
        {
            "subject": list(synthetic.subjects),
            "training_subject": [train[index] for index in alike.synthetic.argmax(axis=1)],
            "likeness": alike.synthetic.max(axis=1),
            "copy": alike.synthetic.max(axis=1) > threshold,
        }
    )
    return make_table(rows), pairs.sort_values("likeness", ascending=False, kind="stable")
