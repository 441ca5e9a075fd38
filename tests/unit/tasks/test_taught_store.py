"""A training store with the labels of a teacher: which frames and voxels it labels, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from made_hearts import made_cohort

from synthaug.core.artifacts import read_json
from synthaug.data.store import TensorStore, check_contents, pack, with_labels
from synthaug.labels import LV, MYO, UNLABELLED
from synthaug.tasks.segmentation.taught_store import teach


class Killed(Exception):
    """What ends a job from outside."""


class Teacher:
    """LV where the image is bright, the surer the brighter; ends after some calls."""

    record: ClassVar = {"weights_sha256": "abc"}
    postprocessing = SimpleNamespace(keep_largest=(("LV",),))

    def __init__(self, calls: float = np.inf) -> None:
        self.calls, self.done = calls, 0

    def segment_with_probabilities(
        self, volume: np.ndarray, spacing_mm: tuple[float, float, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.done == self.calls:
            raise Killed
        self.done += 1
        bright = volume.astype(np.float32)
        nothing = np.zeros_like(bright)
        return (bright > 0.5).astype(np.uint8) * LV, np.stack([1 - bright, bright, nothing, nothing])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two patients, of whom one frame of the second has labels of its own."""
    cohort = made_cohort(tmp_path / "cohort", "real", 2, "real")
    pack(cohort, tmp_path / "store", 8)
    labels = np.load(tmp_path / "store" / "labels.npy")
    there = TensorStore.open(tmp_path / "store").slice_mask
    labels[:] = UNLABELLED
    labels[1, 0, there[1]] = MYO
    with_labels(tmp_path / "store", labels, tmp_path / "few")
    return tmp_path / "few"


def test_frames_without_labels_are_labelled_where_the_teacher_is_sure(store: Path, tmp_path: Path) -> None:
    teach(Teacher(), store, tmp_path / "taught", 0.9)
    given, taught = TensorStore.open(store), TensorStore.open(tmp_path / "taught")
    check_contents(tmp_path / "taught")
    np.testing.assert_array_equal(taught.images, given.images)
    assert taught.table.equals(given.table) and taught.spacing_mm == given.spacing_mm
    np.testing.assert_array_equal(taught.labels[1, 0], given.labels[1, 0])  # somebody labelled it
    image = given.images.astype(np.float32)
    expected = np.where(image >= 0.9, LV, np.where(1 - image >= 0.9, 0, UNLABELLED))
    expected[~np.broadcast_to(given.slice_mask[:, None, :, None, None], image.shape)] = UNLABELLED
    expected[1, 0] = given.labels[1, 0]
    np.testing.assert_array_equal(taught.labels, expected)
    assert {0, LV, UNLABELLED} <= set(np.unique(taught.labels[0]))
    frames = image.shape[0] * image.shape[1] - 1
    said = read_json(tmp_path / "taught" / "store.json")["taught_by"]
    voxels = sum(
        (expected[i, t][given.slice_mask[i]] != UNLABELLED).mean() * given.slice_mask[i].sum()
        for i in range(2)
        for t in range(image.shape[1])
        if (i, t) != (1, 0)
    )
    slices = sum(given.slice_mask[i].sum() for i in range(2)) * image.shape[1] - given.slice_mask[1].sum()
    assert said == {
        "weights_sha256": "abc",
        "keep_largest": [["LV"]],
        "confidence": 0.9,
        "frames": frames,
        "labelled_share": pytest.approx(voxels / slices),
    }


def test_a_killed_job_keeps_the_subjects_that_were_labelled(store: Path, tmp_path: Path) -> None:
    teach(Teacher(), store, tmp_path / "whole", 0.9)
    frames = TensorStore.open(store).images.shape[1]
    with pytest.raises(Killed):
        teach(Teacher(calls=frames + 1), store, tmp_path / "taught", 0.9, unfinished=tmp_path / "kept")
    assert not (tmp_path / "taught").exists()
    again = Teacher()
    teach(again, store, tmp_path / "taught", 0.9, unfinished=tmp_path / "kept")
    assert again.done == frames - 1  # those of the second patient without labels
    for name in ("labels.npy", "store.json"):
        assert (tmp_path / "taught" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list((tmp_path / "kept").glob("*"))


def test_nothing_is_taught_where_all_frames_have_labels(store: Path, tmp_path: Path) -> None:
    teach(Teacher(), store, tmp_path / "once", 0.0)
    teach(Teacher(calls=0), tmp_path / "once", tmp_path / "twice", 0.0)
    assert read_json(tmp_path / "twice" / "store.json")["taught_by"]["frames"] == 0
    np.testing.assert_array_equal(
        np.load(tmp_path / "twice/labels.npy"), np.load(tmp_path / "once/labels.npy")
    )
