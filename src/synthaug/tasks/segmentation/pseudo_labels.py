"""Pseudo labels: a segmenter trained on real patients of the fold labels synthetic cines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder, link_or_copy, sha256_file
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.stored_nifti import read_stored_header
from synthaug.jobs.finished import FinishedSubjects
from synthaug.metrics.volumes import measure_function, volume_curve_ml

#: What ``labelled_by`` in ``cohort.json`` says, and the report after it.
LABELLED_BY = "a segmenter trained on real patients of the fold, not the generator"


class FrameSegmenter(Protocol):
    """What labels: `synthaug.tasks.segmentation.predict.Segmenter`."""

    record: dict[str, Any]

    def segment(self, volume: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
        """Canonical labels (z, y, x) of one frame."""
        ...


def label_cohort(
    segmenter: FrameSegmenter,
    cohort: Cohort,
    output: str | Path,
    progress: Callable[[int, int], None] | None = None,
    records: Sequence[Path] = (),
    unfinished: Path | None = None,
) -> None:
    """Write a cohort again with the segmenter's labels in every frame, atomically.

    Parameters
    ----------
    segmenter : FrameSegmenter
        The segmenter; its training is named in ``cohort.json``.
    cohort : Cohort
        Synthetic subjects; their own labels are replaced, so that all come from one segmenter.
    output : path
        Cohort folder to write. The table's volumes, masses and ejection fractions are measured on the
        new labels; an ES frame that was unknown is that of the smallest LV. ``seen`` stays what it was.
    progress : callable, optional
        Called with the subjects done and to do.
    records : sequence of Path
        Files to keep beside the subjects: what the quality gate wrote of them.
    unfinished : path, optional
        Folder that keeps the subjects that are finished until all are (`synthaug.jobs.finished`).
    """
    identity = {
        "weights_sha256": segmenter.record["weights_sha256"],
        "keep_largest": [list(structures) for structures in _kept(segmenter)],
        "spacing_mm": list(cohort.spacing_mm),
        "es_frames": [None if pd.isna(frame) else int(frame) for frame in cohort.table["es_frame"]],
    }
    rows, files = [], {}
    with FinishedSubjects(unfinished, identity, output) as finished, atomic_folder(output) as folder:
        for done, subject in enumerate(cohort.subjects):
            made, measured = finished.of(
                subject,
                [cohort.folders[subject] / "cine.nii.gz"],
                partial(_label_subject, segmenter, cohort, subject),
            )
            own = folder / f"sub-{subject}"
            own.mkdir()
            for name in ("cine.nii.gz", "labels.nii.gz"):
                link_or_copy(made / name, own / name)
            files[subject] = {kind: sha256_file(own / f"{kind}.nii.gz") for kind in ("cine", "labels")}
            rows.append(
                {str(key): value for key, value in cohort.table.loc[subject].to_dict().items()} | measured
            )
            if progress:
                progress(done + 1, len(cohort.subjects))
        for record in records:
            shutil.copy(record, folder / record.name)
        about = cohort.identity | {
            "labelled_by": LABELLED_BY,
            "segmenter_sha256": segmenter.record["weights_sha256"],
        }
        if "files" in about:  # hashes of files that were written anew
            about["files"] = files
        write_cohort(folder, cohort.name, cohort.kind, rows, cohort.spacing_mm, **about)


def _kept(segmenter: FrameSegmenter) -> Sequence[Sequence[str]]:
    """Structures of which the segmenter's post-processing keeps the largest component, where it has one."""
    processing = getattr(segmenter, "postprocessing", None)
    return processing.keep_largest if processing is not None else ()


def _label_subject(segmenter: FrameSegmenter, cohort: Cohort, subject: str, folder: Path) -> dict[str, Any]:
    """Write the cine and its labels; the columns of the table that follow from them."""
    cine = cohort.cine(subject)
    labels = np.stack([segmenter.segment(frame, cohort.spacing_mm) for frame in cine])
    header = read_stored_header(cohort.folders[subject] / "cine.nii.gz")
    duration = float(header["pixdim"][4]) or None
    write_subject(folder, cine, dict(enumerate(labels)), cohort.spacing_mm, duration)
    es_frame: Any = cohort.record(subject)["es_frame"]
    if pd.isna(es_frame):
        es_frame = volume_curve_ml(labels, "LV", cohort.spacing_mm).argmin()
    return {
        "ed_frame": 0,
        "es_frame": int(es_frame),
        "labelled_frames": ",".join(map(str, range(len(cine)))),
        **{
            key: float(value)
            for key, value in measure_function(labels, cohort.spacing_mm, 0, int(es_frame)).items()
        },
    }
