"""A network that needs no training, and the jobs that go through a cohort with one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from synthaug.features import extraction
from synthaug.tasks.segmentation import predict
from synthaug.tasks.segmentation.pseudo_labels import label_cohort


class Killed(Exception):
    """What ends a job from outside."""


class Network:
    """Segments by a threshold and extracts means; ends after some calls."""

    id, whiten, seen = "made", False, ()
    record: ClassVar = {"weights_sha256": "0", "training_seed": 0, "seen": []}
    postprocessing = SimpleNamespace(keep_largest=[])

    def __init__(self, calls: float = np.inf) -> None:
        self.calls, self.done = calls, 0

    def segment(self, volume: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
        self._count()
        return (volume > 0.8).astype(np.uint8)

    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        self._count()
        return {"spatial": cine.mean(axis=(1, 2))}

    def _count(self) -> None:
        if self.done == self.calls:
            raise Killed
        self.done += 1


def segmented(network, cohort, output, unfinished, monkeypatch, records=()):
    monkeypatch.setattr(predict, "open_segmenter", lambda *_: network)
    predict.predict_cohort("model", cohort, output, "all", unfinished=unfinished)


def labelled(network, cohort, output, unfinished, monkeypatch, records=()):
    label_cohort(network, cohort, output, unfinished=unfinished, records=records)


def extracted(network, cohort, output, unfinished, monkeypatch, records=()):
    monkeypatch.setattr(extraction, "make_extractor", lambda *_: network)
    monkeypatch.setattr(extraction, "_BLOCK", 2)  # subjects that are kept together
    extraction.extract_features(cohort, SimpleNamespace(kind="made"), output, unfinished=unfinished)


def content(output: Path) -> dict[str, bytes]:
    """Bytes of a file, or of all files of a folder."""
    files = sorted(output.rglob("*")) if output.is_dir() else [output]
    return {str(file.relative_to(output)): file.read_bytes() for file in files if file.is_file()}
