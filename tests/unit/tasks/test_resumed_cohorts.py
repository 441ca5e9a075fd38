"""Segmentation, labelling and feature extraction of a cohort, killed half-way and run again: nothing is done twice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from report_study import write_made_up_cohort

from synthaug.data.cohort import Cohort
from synthaug.features import extraction
from synthaug.tasks.segmentation import predict
from synthaug.tasks.segmentation.pseudo_labels import label_cohort

FRAMES = 8  # of a made-up cine


class Killed(Exception):
    """What ends a job from outside."""


class Network:
    """Segments by a threshold and extracts means; ends after some calls."""

    id, whiten, seen = "made", False, ()
    record = {"weights_sha256": "0", "training_seed": 0, "seen": []}  # noqa: RUF012
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


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    folder = tmp_path_factory.mktemp("cohort")
    write_made_up_cohort(folder, "g", "synthetic", 3, 1)
    return Cohort.open(folder)


def segmented(network, cohort, output, unfinished, monkeypatch):
    monkeypatch.setattr(predict, "open_segmenter", lambda *_: network)
    predict.predict_cohort("model", cohort, output, "all", unfinished=unfinished)


def labelled(network, cohort, output, unfinished, monkeypatch):
    label_cohort(network, cohort, output, unfinished=unfinished)


def extracted(network, cohort, output, unfinished, monkeypatch):
    monkeypatch.setattr(extraction, "make_extractor", lambda *_: network)
    extraction.extract_features(cohort, SimpleNamespace(kind="made"), output, unfinished=unfinished)


def content(output: Path) -> dict[str, bytes]:
    files = sorted(output.rglob("*")) if output.is_dir() else [output]
    return {str(file.relative_to(output)): file.read_bytes() for file in files if file.is_file()}


@pytest.mark.parametrize(("run", "each"), [(segmented, FRAMES), (labelled, FRAMES), (extracted, 1)])
def test_a_killed_job_goes_on_with_the_next_subject(run, each, cohort, tmp_path, monkeypatch):
    run(Network(), cohort, tmp_path / "undisturbed", None, monkeypatch)
    with pytest.raises(Killed):
        run(Network(2 * each), cohort, tmp_path / "output", tmp_path / "kept", monkeypatch)
    assert not (tmp_path / "output").exists()
    again = Network()
    run(again, cohort, tmp_path / "output", tmp_path / "kept", monkeypatch)
    assert again.done == each  # the third of three subjects
    assert content(tmp_path / "output") == content(tmp_path / "undisturbed")
    assert list((tmp_path / "kept").iterdir()) == []
