"""Labels of a teacher: a segmenter of the fold's real patients labels training frames that nobody labelled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from synthaug.data.store import TensorStore, known_frames, with_labels
from synthaug.jobs.finished import FinishedSubjects
from synthaug.labels import UNLABELLED
from synthaug.tasks.segmentation.postprocessing import Postprocessing


class SureSegmenter(Protocol):
    """What teaches: `synthaug.tasks.segmentation.predict.Segmenter`."""

    record: dict[str, Any]
    postprocessing: Postprocessing

    def segment_with_probabilities(
        self, volume: np.ndarray, spacing_mm: tuple[float, float, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Canonical labels (z, y, x) of one frame, and probabilities (4, z, y, x) of the classes."""
        ...


def teach(
    segmenter: SureSegmenter,
    store: str | Path,
    output: str | Path,
    confidence: float,
    progress: Callable[[int, int], None] | None = None,
    unfinished: Path | None = None,
) -> None:
    """Write a training store again, frames without labels labelled where the segmenter is sure; atomically.

    Frames that somebody labelled stay as they are. The table stays, too: volumes that models are conditioned to are
    those of patients with labels of their own.

    Parameters
    ----------
    segmenter : SureSegmenter
        Trained on real patients of the same fold.
    store : path
        Store of the fold's training patients (`synthaug.data.store.pack`).
    output : path
        Store to write. Its ``store.json`` says whose labels these are, in how many frames, and what share of the
        voxels of these frames is labelled.
    confidence : float
        Least probability of a voxel's label; where it is lower the voxel stays without a label.
    progress : callable, optional
        Called with the subjects done and to do.
    unfinished : path, optional
        Folder that keeps the subjects that are finished until all are (`synthaug.jobs.finished`).

    References
    ----------
    Lee, Pseudo-label, ICML Workshop on Challenges in Representation Learning, 2013; Bai et al., MICCAI 2017 (cardiac MRI).
    """
    data = TensorStore.open(store)
    taught_by = {
        "weights_sha256": segmenter.record["weights_sha256"],
        "keep_largest": [list(structures) for structures in segmenter.postprocessing.keep_largest],
        "confidence": confidence,
    }
    files, frames, sure, voxels = [], 0, 0, 0
    with FinishedSubjects(unfinished, {**taught_by, "store": data.contents}, output) as finished:
        for index, subject in enumerate(data.table.index):
            made, (own_frames, own_sure, own_voxels) = finished.of(
                subject, [], partial(_teach_subject, segmenter, data, index, confidence)
            )
            files.append(made / "labels.npy")
            frames, sure, voxels = frames + own_frames, sure + own_sure, voxels + own_voxels
            if progress:
                progress(index + 1, len(data))
        taught_by |= {"frames": frames, "labelled_share": sure / voxels if voxels else None}
        with_labels(store, map(np.load, files), output, taught_by=taught_by)


def _teach_subject(
    segmenter: SureSegmenter, data: TensorStore, index: int, confidence: float, folder: Path
) -> list[int]:
    """Write the labels (t, z, y, x) of a subject; how many frames were taught, and their voxels labelled and in all."""
    labels, there = np.array(data.labels[index]), data.slice_mask[index]
    frames = sure = voxels = 0
    for frame in np.flatnonzero(~known_frames(labels)):
        found, probabilities = segmenter.segment_with_probabilities(
            data.images[index, frame][there].astype(np.float32), data.spacing_mm
        )
        # Of the label itself: what the post-processing removed may be unlikely background.
        certain = np.take_along_axis(probabilities, found[None].astype(int), axis=0)[0] >= confidence
        labels[frame, there] = np.where(certain, found, UNLABELLED)
        frames, sure, voxels = frames + 1, sure + int(certain.sum()), voxels + certain.size
    np.save(folder / "labels.npy", labels)
    return [frames, sure, voxels]
