"""One bad subject costs one subject: whatever its reader raises, whoever kills its process."""

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from raw_files import affine, heart

from synthaug.data.findings import SubjectError
from synthaug.data.in_processes import in_processes
from synthaug.data.load_subject import load_subject
from synthaug.data.readers.base import RawCine, RawSubject
from synthaug.labels import LV, RV, UNLABELLED


def subject(load) -> RawSubject:
    return RawSubject("p1", (Path("cine.nii.gz"),), load)


def refused(load) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        load_subject(subject(load))
    assert "p1: cine.nii.gz: " in str(caught.value) and "\n" not in str(caught.value)
    return caught.value


def failing(error):
    raise error


@pytest.mark.parametrize(
    "error", [IndexError("out of\nbounds"), OverflowError(), RecursionError("deep"), KeyError("x")]
)
def test_an_unforeseen_error_becomes_a_finding(error):
    assert type(error).__name__ in refused(partial(failing, error)).problem


def test_a_lack_of_memory_says_what_to_set():
    error = refused(partial(failing, MemoryError("Unable to allocate 3 GiB")))
    assert error.code == "memory" and "3 GiB" in error.problem and "mem_mb" in error.remedy


def cine(**changes) -> RawCine:
    image, labels = heart()
    parts = {
        "image": image.T.copy(),
        "labels": {0: labels[0].T, 3: labels[3].T},
        "voxel_size_mm": (1.5, 1.5, 10.0),
    }
    parts |= changes
    return RawCine(parts["image"], affine(), parts["voxel_size_mm"], parts["labels"])


def test_a_heart_is_loaded_without_a_word():
    assert load_subject(subject(cine)).findings == []


def changed(change) -> RawCine:
    raw = cine()
    change(raw)
    return raw


def exchange_axes(raw):
    raw.image = raw.image.swapaxes(2, 3)
    raw.labels = {}


CHANGES = {
    "slices-repeated": lambda raw: raw.image.__setitem__((..., 3, slice(None)), raw.image[..., 2, :]),
    "slices-missing": lambda raw: raw.image.__setitem__((..., 3, slice(None)), 0),
    "axes-exchanged": exchange_axes,
    "labels-exchanged": lambda raw: raw.labels.update({0: np.array([0, RV, 2, LV], np.uint8)[raw.labels[0]], 3: raw.labels.pop(3) * 0}),
    "labels-shape": lambda raw: raw.labels.update({0: raw.labels[0][1:]}),
    "voxels-not-finite": lambda raw: raw.image.__setitem__((0, 0, 0, 0), np.nan),
    "voxel-size-implausible": lambda raw: setattr(raw, "voxel_size_mm", (1.5, 1.5, 0.1)),
    "dimensions": lambda raw: setattr(raw, "image", raw.image[..., 0]),
}  # fmt: skip


@pytest.mark.parametrize("code", CHANGES)
def test_what_no_reader_may_give_is_refused(code):
    assert refused(partial(changed, CHANGES[code])).code == code


@pytest.mark.parametrize(
    ("code", "labels", "told", "own"),
    [
        ("frame-missing", {}, {"ed_frame": 14}, {}),
        ("frame-missing", {}, {"ed_frame": 0, "es_frame": 25}, {}),
        ("frame-missing", {}, {}, {"es_frame": -1}),
        ("frames-equal", {}, {"ed_frame": 0, "es_frame": 0}, {}),
        ("frames-equal", {}, {"ed_frame": 3}, {"es_frame": 3}),
        ("frame-missing", {12: 0}, {}, {}),
        ("labels-value", {3: 4}, {}, {}),
        ("labels-value", {3: UNLABELLED}, {}, {}),
    ],
)
def test_frames_and_labels_of_any_reader_are_those_of_the_cine(code, labels, told, own):
    """A cine of 8 frames; `labels` adds a voxel of a value to a frame, `told` is the table's, `own` the reader's."""
    raw = cine()
    for frame, value in labels.items():
        raw.labels[frame] = raw.labels[0].copy()
        raw.labels[frame][0, 0, 0] = value
    for name, frame in own.items():
        setattr(raw, name, frame)
    with pytest.raises(SubjectError) as caught:
        load_subject(RawSubject("p1", (), lambda: raw, **told))
    assert caught.value.code == code and caught.value.remedy


def killed_or_done(item):
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("processes", [2, 3])
def test_a_killed_process_costs_its_own_item(processes):
    results = list(in_processes(killed_or_done, range(8), processes, lambda item: -item))
    assert results == [0, 1, 2, -3, 4, 5, 6, 7]
