"""Who was seen by a network that speaks of patients it must not have seen."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.splits import all_tested, patients_in

_NAMED = 5  # ids that an error names; the others are counted


def refuse_seen(network: str, seen: Collection[str], split: pd.DataFrame) -> None:
    """Stop where a network was trained on patients it is tested with, be it on another visit of theirs.

    Parameters
    ----------
    network : str
        What to call it, such as ``"extractor study"``.
    seen : collection of str
        Subjects it was trained on or chosen by; empty where they are none of the study's.
    split : DataFrame
        The fold's table (`synthaug.data.splits.read_split`).

    Raises
    ------
    SynthaugError
        Names the subjects that are on both sides.
    """
    patients, tested = patients_in(split), all_tested(split)
    of_tested = {patients[subject] for subject in tested}
    both = sorted(subject for subject in set(seen) if patients.get(subject, subject) in of_tested)
    if both:
        named = ", ".join(both[:_NAMED]) + (f" and {len(both) - _NAMED} more" if len(both) > _NAMED else "")
        visits = "" if set(both) <= set(tested) else " or visits of patients who are"
        raise SynthaugError(
            f"{network}: was trained on {named}, tested in this fold{visits}; "
            "use one that was trained on this fold's training patients only, or mend the split"
        )


def seen_in_training(predictions: str | Path) -> list[str]:
    """Real patients that the task behind a folder of predictions was trained or validated on."""
    return [str(subject) for subject in read_json(Path(predictions) / "predictions.json").get("seen", [])]
