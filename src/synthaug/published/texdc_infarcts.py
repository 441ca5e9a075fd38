"""Figure 6 of TexDC: infarcts of every generator in consecutive frames and slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.labels import MYO, STRUCTURES
from synthaug.measures.known_infarcts import infarct_of_sample, simulated_infarcts
from synthaug.metrics.regions import region
from synthaug.metrics.wall_arcs import WallArc, arc_region
from synthaug.report.plots import images
from synthaug.text.facts import facts_of
from synthaug.text.reading import read
from synthaug.text.sentences import sentences_of

#: Diagnosis of the samples that are shown.
INFARCT = "MINF"
_SAMPLES = 2  # of each generator
_ROWS = 3  # frames
_COLUMNS = 3  # slices
_MARGIN_MM = 10.0  # around the heart
_TILE_PIXELS = 200
#: Facts that tell where an infarct is, the strongest first.
_TELLING = ("akinetic", "most_reduced", "hypokinetic")


class _Place(NamedTuple):
    """Where the infarct of a sample should be, and who says so."""

    said: str
    arc: WallArc | None
    walls: tuple[str, ...] = ()

    def region(self, labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
        """Its myocardium in masks (t, z, y, x)."""
        if self.arc is not None:
            return arc_region(labels, self.arc, spacing_mm)
        return np.logical_or.reduce([region(labels, wall, spacing_mm) for wall in self.walls])


def infarcts(
    files: Mapping[str, Mapping[str, Path]], folder: Path, simulated: Mapping[str, Path]
) -> list[str]:
    """Draw three consecutive frames and slices of samples with an infarct, at end-systole and at the wall that is known.

    Parameters
    ----------
    files : mapping of str to mapping of str to Path
        Generator -> ``cohort``, its subjects, and ``requested``, the same with the masks that they were made for -> folder.
    folder : Path
        Receives the pictures.
    simulated : mapping of str to Path
        Folders of the simulated datasets, with their ground truth, by name.

    Returns
    -------
    list of str
        Lines of the page. Of a generator without an accepted sample of the diagnosis, that it has none.
    """
    truth = simulated_infarcts(simulated)
    cohorts = {generator: Cohort.open(own["cohort"]) for generator, own in files.items()}
    ill = {generator: _with_infarct(cohort) for generator, cohort in cohorts.items()}
    # Requests that most generators answered come first, so that the same hearts are compared.
    answered = Counter(
        _request(subject, generator) for generator, subjects in ill.items() for subject in subjects
    )
    lines = [
        "",
        f"Samples with the diagnosis {INFARCT}. Rows: consecutive frames around end-systole; columns: consecutive slices, the "
        "most basal on the left. Contours: LV, myocardium and RV by the masks. Red box: where the infarct should be, where that is known. "
        "Sampled generators were asked for the same heart where the numbers of their samples agree.",
    ]
    for generator, cohort in cohorts.items():
        lines += ["", f"## {generator}"]
        if not ill[generator]:
            lines += ["", f"No accepted sample has the diagnosis {INFARCT}."]
            continue
        made = Cohort.open(files[generator]["requested"])
        asked = [answered[_request(subject, generator)] for subject in ill[generator]]
        order = [ill[generator][number] for number in np.argsort(np.negative(asked), kind="stable")]
        places = ((subject, _place(cohort, made, subject, truth)) for subject in order)
        for number, (subject, place) in enumerate(_known_first(places), start=1):
            lines += _sample(f"{generator}-{number}.png", cohort, subject, place, folder)
    return lines


def _with_infarct(cohort: Cohort) -> list[str]:
    diagnoses = cohort.table["diagnosis"].astype("string")
    return list(cohort.table.index[(diagnoses == INFARCT).fillna(False).astype(bool)])


def _request(subject: str, generator: str) -> str:
    """Seed and number of a request, which generators share."""
    return subject.removeprefix(f"{generator}-")


def _known_first(places: Iterable[tuple[str, _Place | None]]) -> list[tuple[str, _Place | None]]:
    """The first `_SAMPLES` whose place is known; where there are fewer, others behind them."""
    known: list[tuple[str, _Place | None]] = []
    unknown: list[tuple[str, _Place | None]] = []
    for subject, place in places:
        (known if place else unknown).append((subject, place))
        if len(known) == _SAMPLES:  # looking for a place takes a second
            break
    return [*known, *unknown][:_SAMPLES]


def _place(cohort: Cohort, made: Cohort, subject: str, truth: Mapping[str, pd.Series]) -> _Place | None:
    """By the truth of the patient whose masks were requested, else by the sentence, else by what else was requested."""
    if not cohort.has_volumes:
        return None
    arc = infarct_of_sample(made, subject, truth)
    if arc is not None:
        return _Place("as simulated in the patient whose masks were requested", arc)
    record = cohort.record(subject)
    requested = {
        name.removeprefix("requested_"): value
        for name, value in record.items()
        if name.startswith("requested_")
    }
    (sentence,) = sentences_of(cohort.table.loc[[subject]])
    for who, facts in (("its sentence", read(sentence).facts), ("its request", facts_of(requested))):
        for name in _TELLING:
            if walls := facts.get(name, "").split():
                what = " and ".join(walls)
                said = f"{what} wall, which {who} calls {name.replace('_', ' ')}"
                return _Place(said, None, tuple(walls))
    return None


def _sample(name: str, cohort: Cohort, subject: str, place: _Place | None, folder: Path) -> list[str]:
    """Draw one sample; lines that show and describe it."""
    cine, labels, spacing = cohort.cine(subject), cohort.label_cine(subject), cohort.spacing_mm
    es_frame = cohort.record(subject)["es_frame"]
    middle = len(cine) // 2 if pd.isna(es_frame) else int(es_frame)
    frames, total = _consecutive(middle, len(cine), _ROWS), len(cine)
    cine, labels = cine[frames], labels[frames]
    where = np.zeros(labels.shape, bool) if place is None else place.region(labels, spacing)
    slices = _consecutive(_middle_slice(where if where.any() else labels == MYO), cine.shape[1], _COLUMNS)
    window = _window(np.isin(labels[:, slices], list(STRUCTURES.values())), spacing)
    cine, labels, where = (part[:, slices][:, :, *window] for part in (cine, labels, where))
    scale = max(1, round(_TILE_PIXELS / max(cine.shape[2:])))
    pictures = [list(zip(*row, strict=True)) for row in zip(cine, labels, strict=True)]
    (folder / name).write_bytes(images.montage(pictures, scale, [list(row) for row in where]))
    about = (
        f"{subject}, frames {frames.start + 1} to {frames.stop} of {total} from end-diastole, "
        f"slices {slices.start + 1} to {slices.stop} from the base"
    )
    if place is None:
        said = "No box: where the infarct should be is not known."
    elif where.any():
        said = f"Box: {place.said}."
    else:
        said = f"No box: its masks do not show the place ({place.said})."
    return ["", f"![{about}]({name})", "", f"{about}. {said}"]


def _consecutive(middle: int, count: int, wanted: int) -> slice:
    """As many consecutive places as wanted around a middle, or all where there are fewer."""
    start = min(max(middle - wanted // 2, 0), max(count - wanted, 0))
    return slice(start, min(start + wanted, count))


def _middle_slice(region: np.ndarray) -> int:
    """Slice in the middle of a region (t, z, y, x); of an empty one, that of the stack."""
    voxels = region.sum(axis=(0, 2, 3))
    if not voxels.any():
        return len(voxels) // 2
    return round(float(np.average(np.arange(len(voxels)), weights=voxels)))


def _window(heart: np.ndarray, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice]:
    """The part of the picture (y, x) with the heart and a margin; all of it where there is no heart."""
    sides = []
    for axis, size in ((2, spacing_mm[1]), (3, spacing_mm[2])):
        held = np.flatnonzero(heart.any(axis=tuple({0, 1, 2, 3} - {axis})))
        margin = round(_MARGIN_MM / size)
        last = heart.shape[axis]
        first, end = (held[0] - margin, held[-1] + 1 + margin) if len(held) else (0, last)
        sides.append(slice(max(first, 0), min(end, last)))
    return sides[0], sides[1]
