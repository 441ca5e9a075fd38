"""Where the infarct of a requested patient lies, of simulated patients: the phantom's truth, not what a mask or a segmenter says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
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
    truth: dict[str, pd.Series] = {}
    for dataset, folder in simulated.items():
        table = read_tsv(Path(folder) / "ground_truth.tsv", ("subject",))
        truth |= {f"{dataset}-{row['subject']}": row for _, row in table.iterrows()}
    found = {}
    for subject in requests.subjects:
        row = truth.get(str(requests.table.loc[subject, _ORIGIN]))
        if row is None or pd.isna(row["infarct_middle_deg"]) or 0 not in requests.labelled_frames(subject):
            continue
        # The truth counts degrees clockwise as displayed, as `infarct_arc` says.
        middle, width = -float(row["infarct_middle_deg"]), float(row["infarct_width_deg"])
        levels = float(row["infarct_from_level"]), float(row["infarct_to_level"])
        arc = arc_of(requests.label_cine(subject)[0], requests.spacing_mm, middle, width, levels)
        if arc is not None:
            found[subject] = arc
    return found
