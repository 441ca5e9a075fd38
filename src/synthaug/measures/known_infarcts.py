"""Where the infarct of a requested patient lies, of simulated patients: the phantom's truth, not what a mask or a segmenter says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.labels import UNLABELLED
from synthaug.metrics.wall_arcs import WallArc, arc_of

#: Column of a request that names the patient whose masks it asks for.
_ORIGIN = "masks_of"


def known_infarcts(requests: Cohort, simulated: Mapping[str, str | Path]) -> dict[str, WallArc]:
    """Arcs of the infarcts of simulated patients, for the requests that ask for their masks.

    Parameters
    ----------
    requests : Cohort
        Of source `training`, with the patients' own masks; that of frame 0 (ED) turns the place in the image into one in
        the heart.
    simulated : mapping of str to path
        Folder of each simulated dataset, with its ``ground_truth.tsv`` (`synthaug.phantom.write_phantom`), by the
        dataset's name.

    Returns
    -------
    dict of str to WallArc
        By request; none of patients without an infarct, of others than simulated ones, or whose ED shows no septum.
    """
    if _ORIGIN not in requests.table:
        return {}
    truth = simulated_infarcts(simulated)
    found = {}
    for subject in requests.subjects:
        row = truth.get(str(requests.table.loc[subject, _ORIGIN]))
        if row is None or 0 not in requests.labelled_frames(subject):
            continue
        arc = _arc(row, requests.label_cine(subject)[0], requests.spacing_mm)
        if arc is not None:
            found[subject] = arc
    return found


def simulated_infarcts(simulated: Mapping[str, str | Path]) -> dict[str, pd.Series]:
    """Rows of the ground truth of the simulated patients who have an infarct, by subject; `simulated` as of `known_infarcts`."""
    found: dict[str, pd.Series] = {}
    for dataset, folder in simulated.items():
        table = read_tsv(Path(folder) / "ground_truth.tsv", ("subject",))
        ill = table[table["infarct_middle_deg"].notna()]
        found |= {f"{dataset}-{row['subject']}": row for _, row in ill.iterrows()}
    return found


def infarct_of_sample(made: Cohort, subject: str, truth: Mapping[str, pd.Series]) -> WallArc | None:
    """Arc of the infarct of the patient whose masks a sample was asked for.

    Parameters
    ----------
    made : Cohort
        Synthetic, with the masks that its subjects were made for.
    subject : str
        The sample.
    truth : mapping of str to Series
        From `simulated_infarcts`.

    Returns
    -------
    WallArc or None
        None as of `known_infarcts`.
    """
    row = truth.get(str(made.record(subject).get(f"requested_{_ORIGIN}")))
    labels = None if row is None else made.requested_label_cine(subject)
    if row is None or labels is None or (labels[0] == UNLABELLED).all():
        return None
    return _arc(row, labels[0], made.spacing_mm)


def _arc(row: pd.Series, labels_ed: np.ndarray, spacing_mm: tuple[float, float, float]) -> WallArc | None:
    """Arc of a row of the ground truth, whose degrees count clockwise as displayed, as `infarct_arc` says."""
    middle, width = -float(row["infarct_middle_deg"]), float(row["infarct_width_deg"])
    levels = float(row["infarct_from_level"]), float(row["infarct_to_level"])
    return arc_of(labels_ed, spacing_mm, middle, width, levels)
