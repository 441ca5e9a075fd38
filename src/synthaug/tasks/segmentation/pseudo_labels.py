"""Pseudo labels: a segmenter trained on real patients of the fold labels synthetic cines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.stored_nifti import read_stored_header
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
    """
    rows = []
    with atomic_folder(output) as folder:
        for done, subject in enumerate(cohort.subjects):
            cine = cohort.cine(subject)
            labels = np.stack([segmenter.segment(frame, cohort.spacing_mm) for frame in cine])
            header = read_stored_header(cohort.folders[subject] / "cine.nii.gz")
            write_subject(
                folder / f"sub-{subject}",
                cine,
                dict(enumerate(labels)),
                cohort.spacing_mm,
                float(header["pixdim"][4]) or None,
            )
            row = {str(key): value for key, value in cohort.table.loc[subject].to_dict().items()}
            es_frame = row["es_frame"]
            if pd.isna(es_frame):
                es_frame = int(volume_curve_ml(labels, "LV", cohort.spacing_mm).argmin())
            row |= {"ed_frame": 0, "es_frame": int(es_frame)}
            row |= {"labelled_frames": ",".join(map(str, range(len(cine))))}
            row |= measure_function(labels, cohort.spacing_mm, 0, int(es_frame))
            rows.append(row)
            if progress:
                progress(done + 1, len(cohort.subjects))
        for record in records:
            shutil.copy(record, folder / record.name)
        labelling = {"labelled_by": LABELLED_BY, "segmenter_sha256": segmenter.record["weights_sha256"]}
        write_cohort(
            folder, cohort.name, cohort.kind, rows, cohort.spacing_mm, **cohort.identity, **labelling
        )
