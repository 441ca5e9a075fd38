"""From a cohort to requests with edited masks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import REQUEST_COLUMNS, Cohort, write_cohort, write_labels
from synthaug.labels import FUNCTION_COLUMNS, LV
from synthaug.mask_edits.shapes import change_wall, dilate_lv, dilate_lv_to, freeze_segment
from synthaug.metrics.clinical import N_SEGMENTS
from synthaug.metrics.volumes import measure_function, structure_volume_ml

#: Range of heart rates that are taken, beats per minute.
_HEART_RATES = (20.0, 300.0)
#: Columns beside `REQUEST_COLUMNS` that a request of edited masks keeps of its source.
_KEPT = ("sex", "age", "height_cm", "weight_kg", "sequence")


@dataclass(frozen=True)
class MaskEdit:
    """What is changed, in this order; None and empty change nothing.

    Attributes
    ----------
    dilate_mm : float or None
        Both borders of the LV's wall outwards, in every frame; below 0 inwards.
    edv_ml : float or None
        LV end-diastolic volume instead; all frames change in proportion, so that the ejection fraction stays.
    wall_mm : float or None
        Outer border of the wall outwards, in every frame; below 0 the wall is thinner.
    akinetic : tuple of int
        AHA segments that stay where they are at end-diastole.
    heart_rate_bpm : float or None
        Beats per minute: the time between frames.
    vendor, diagnosis : str or None
        What is requested in place of the source's.
    """

    dilate_mm: float | None = None
    edv_ml: float | None = None
    wall_mm: float | None = None
    akinetic: tuple[int, ...] = ()
    heart_rate_bpm: float | None = None
    vendor: str | None = None
    diagnosis: str | None = None

    @property
    def reshapes(self) -> bool:
        """Whether masks change, and not only what is requested beside them."""
        return any((self.dilate_mm, self.edv_ml, self.wall_mm, self.akinetic))

    def check(self) -> None:
        """Refuse what cannot be done to any heart.

        Raises
        ------
        SynthaugError
            The first argument that is wrong, and what it may be.
        """
        if all(value in (None, ()) for value in asdict(self).values()):
            raise SynthaugError("nothing to edit; give one of the edits")
        if self.dilate_mm is not None and self.edv_ml is not None:
            raise SynthaugError("dilate_mm and edv_ml both say how large the LV is to be; give one of them")
        if self.edv_ml is not None and not 0 < self.edv_ml < np.inf:
            raise SynthaugError(f"edv_ml is {self.edv_ml:g}; give a volume above 0 mL")
        for name, mm in (("dilate_mm", self.dilate_mm), ("wall_mm", self.wall_mm)):
            if mm is not None and not np.isfinite(mm):
                raise SynthaugError(f"{name} is {mm:g}; give a length in mm")
        for segment in self.akinetic:
            if not 1 <= segment <= N_SEGMENTS:
                raise SynthaugError(f"AHA segment {segment}: give one of 1 to {N_SEGMENTS}")
        low, high = _HEART_RATES
        if self.heart_rate_bpm is not None and not low <= self.heart_rate_bpm <= high:
            raise SynthaugError(
                f"heart_rate_bpm is {self.heart_rate_bpm:g}; give {low:g} to {high:g} beats per minute"
            )


def edit_masks(cohort: Cohort, edit: MaskEdit, output: str | Path, subjects: Sequence[str] = ()) -> int:
    """Write requests with edited masks, from the masks of a cohort or of requests.

    Parameters
    ----------
    cohort : Cohort
        Real, synthetic or requests; subjects without masks are left out.
    edit : MaskEdit
        What is changed.
    output : path
        Folder to write; it must not exist.
    subjects : sequence of str
        Subjects to edit; empty: all with masks.

    Returns
    -------
    int
        How many requests were written.

    Raises
    ------
    SynthaugError
        No masks, an unknown subject, an impossible edit, long-axis masks, or `output` exists.

    Notes
    -----
    Volumes, mass and, where frames between have masks, the phase of ES are measured on the edited masks. A diagnosis is
    left open where masks change, unless one is given: a dilated heart of a healthy subject is not healthy. Sentences
    and other phenotypes of the source are not kept. ``edited_from`` names the
    subject whose masks they were first, ``mask_edit`` the edit as JSON.
    """
    edit.check()
    if Path(output).exists():
        raise SynthaugError(f"{output}: exists already; name a new folder or remove it")
    if not cohort.has_volumes:
        raise SynthaugError(
            f"{cohort.name}: masks are of view {cohort.view}, and edits are of short-axis stacks; give short-axis masks"
        )
    chosen = cohort.select(list(subjects)) if subjects else cohort
    masked = [subject for subject in chosen.subjects if chosen.labelled_frames(subject)]
    if not masked:
        raise SynthaugError(f"{cohort.name}: no subject has masks to edit; give a cohort with labels")
    said = {key: value for key, value in asdict(edit).items() if value not in (None, ())}
    with atomic_folder(Path(output)) as folder:
        rows = []
        for subject in masked:
            labels, frames = cohort.label_cine(subject), cohort.labelled_frames(subject)
            edited = edit_labels(labels, frames, edit, cohort.spacing_mm, subject)
            duration = _frame_duration_s(cohort, subject, edit, len(labels))
            write_labels(folder / f"sub-{subject}", edited, len(labels), cohort.spacing_mm, duration)
            about = {"edited_from": _origin(cohort, subject), "mask_edit": json.dumps(said)}
            rows.append({**_request(cohort, subject, edited, edit, labels.shape), **about})
        # A test patient may be behind masks that a generator made, too.
        seen = sorted({*cohort.meta.get("seen", ()), *cohort.meta.get("sampler", {}).get("seen", ())})
        behind: dict[str, Any] = {"seen": seen} if seen else {}
        source = {"name": cohort.name, "kind": cohort.kind, "table_sha256": cohort.meta.get("table_sha256")}
        write_cohort(
            folder,
            f"{cohort.name}-edited",
            "request",
            rows,
            cohort.spacing_mm,
            edited={"source": source, "edit": said},
            **behind,
        )
    return len(rows)


def edit_labels(
    labels: np.ndarray, frames: Sequence[int], edit: MaskEdit, spacing_mm: Sequence[float], name: str
) -> dict[int, np.ndarray]:
    """Edited labels of every labelled frame.

    Parameters
    ----------
    labels : ndarray, shape (t, z, y, x)
        Canonical labels; frame 0 is ED.
    frames : sequence of int
        Frames that have labels.
    edit : MaskEdit
        What is changed.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    name : str
        Subject, for messages.

    Returns
    -------
    dict of int to ndarray, shape (z, y, x)

    Raises
    ------
    SynthaugError
        An edit that needs end-diastole where it has no masks, or an impossible one.
    """
    if 0 not in frames and (edit.edv_ml is not None or edit.akinetic):
        raise SynthaugError(f"{name}: frame 0 (ED) has no mask, which edv_ml and akinetic need; label it")
    made = {frame: np.array(labels[frame]) for frame in frames}
    if edit.edv_ml is not None:
        edv_ml = structure_volume_ml(labels[0], "LV", spacing_mm)
        if not edv_ml:
            raise SynthaugError(
                f"{name}: the mask of frame 0 (ED) has no LV cavity, which edv_ml needs; label it"
            )
        growth = edit.edv_ml / edv_ml
    for frame, mask in made.items():
        where = f"{name}, frame {frame}"
        if edit.dilate_mm:
            made[frame] = dilate_lv(mask, edit.dilate_mm, spacing_mm, where)
        if edit.edv_ml is not None and (mask == LV).any():  # a closed cavity stays closed
            volume_ml = growth * structure_volume_ml(mask, "LV", spacing_mm)
            made[frame] = dilate_lv_to(mask, volume_ml, spacing_mm, where)
        if edit.wall_mm:
            made[frame] = change_wall(made[frame], edit.wall_mm, spacing_mm, where)
    if edit.akinetic and not any(made):
        raise SynthaugError(
            f"{name}: only ED has a mask, so that no segment can be made akinetic; give masks of other frames, or leave it out"
        )
    for segment in edit.akinetic:
        for frame in made:
            if frame:
                where = f"{name}, frame {frame}"
                made[frame] = freeze_segment(made[frame], made[0], segment, spacing_mm, name=where)
    return made


def _origin(cohort: Cohort, subject: str) -> str:
    """Whose masks they were first: of a request for another subject's masks that subject, of edited masks their source."""
    record = cohort.record(subject)
    for name in ("edited_from", "masks_of", "requested_edited_from", "requested_masks_of"):
        if isinstance(record.get(name), str):
            return str(record[name])
    return subject


def _frame_duration_s(cohort: Cohort, subject: str, edit: MaskEdit, frames: int) -> float | None:
    if edit.heart_rate_bpm is not None:
        return 60 / edit.heart_rate_bpm / frames
    return cohort.label_frame_duration_s(subject)


def _request(
    cohort: Cohort, subject: str, edited: dict[int, np.ndarray], edit: MaskEdit, shape: tuple[int, ...]
) -> dict[str, Any]:
    """The request's row: what the edited masks measure, and what else is known of the source."""
    record = cohort.record(subject)
    row: dict[str, Any] = {name: record.get(name) for name in (*REQUEST_COLUMNS, *_KEPT) if name in record}
    es_frame = _es_frame(record, edited, shape[0])
    row |= measure_function(edited, cohort.spacing_mm, 0, es_frame)
    row["subject"], row["n_slices"] = subject, shape[1]
    row["es_phase"] = es_frame / shape[0] if es_frame else _recorded_es_phase(record, shape[0])
    row["labelled_frames"] = ",".join(map(str, sorted(edited)))
    if edit.reshapes or edit.diagnosis is not None:
        row["diagnosis"] = edit.diagnosis
    if edit.vendor is not None:
        row["vendor"] = edit.vendor
    if edit.heart_rate_bpm is not None:
        row["heart_rate_bpm"] = edit.heart_rate_bpm
    front = ["subject", *REQUEST_COLUMNS, *FUNCTION_COLUMNS]
    return {name: row.get(name) for name in dict.fromkeys([*front, *row])}


def _recorded_es_phase(record: dict[str, Any], frames: int) -> float | None:
    """Phase of ES as the source has it, where no edited mask tells it."""
    for name, whole in (("es_phase", 1), ("es_frame", frames)):
        value = record.get(name)
        if value is not None and not pd.isna(value):
            return float(value) / whole
    return None


def _es_frame(record: dict[str, Any], edited: dict[int, np.ndarray], frames: int) -> int | None:
    """ES: the frame of the smallest cavity where every frame has a mask, else the source's."""
    if len(edited) == frames:
        return min(edited, key=lambda frame: int((edited[frame] == 1).sum())) or None
    known = record.get("es_frame")
    if known is None or pd.isna(known):
        phase = record.get("es_phase")
        known = None if phase is None or pd.isna(phase) else round(float(phase) * frames)
    return int(known) if known is not None and int(known) in edited else None
