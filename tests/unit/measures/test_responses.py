"""Metric sensitivity: corruptions do what they say, and distances respond to what their features can see."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corruptions import CORRUPTIONS, corrupt, extract_corrupted
from synthaug.measures.metric_sensitivity.responses import COPIES, IDENTICAL, ONE_DIAGNOSIS, measure_responses

MEASUREMENT = Measurement({"fold": 0}, EvaluationSettings(splits=12))
SHAPE = (6, 5, 12, 12)


class Brightness:
    """Mean and spread of an image; of a slice in time, and of a frame in depth, its steps as well."""

    id, seen, whiten = "brightness", (), True

    def extract(self, cine):
        def describe(clips):  # (n, s, y, x)
            steps = np.abs(np.diff(clips.mean(axis=(2, 3)), axis=1)).mean(axis=1)
            return np.stack([clips.mean(axis=(1, 2, 3)), clips.std(axis=(1, 2, 3)), steps], axis=1)

        images = cine.reshape(-1, *cine.shape[2:])
        return {
            "frames": np.stack([images.mean(axis=(1, 2)), images.std(axis=(1, 2))], axis=1),
            "temporal": describe(cine.swapaxes(0, 1)),
            "spatial": describe(cine),
        }


def beating(seed: int, level: float) -> np.ndarray:
    """Brightness rises through the slices and falls and rises once a beat; faint texture."""
    random = np.random.default_rng(seed)
    t, z = np.arange(SHAPE[0]), np.arange(SHAPE[1])
    beat = 0.1 * np.cos(2 * np.pi * t / SHAPE[0])[:, None] + 0.05 * z[None]
    texture = 0.05 * random.standard_normal(SHAPE[2:])
    return np.clip(level + random.normal(0, 0.02) + beat[..., None, None] + texture, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    rows = []
    for number in range(16):
        subject = f"real-{number:02d}"
        cine = beating(number, 0.4 if number % 2 else 0.5)
        write_subject(folder / f"sub-{subject}", cine, {}, (10, 2, 2))
        rows.append({"subject": subject, "diagnosis": "NOR" if number % 2 else "DCM", "n_frames": SHAPE[0]})
    write_cohort(folder, "real", "real", rows, (10, 2, 2))
    return Cohort.open(folder)


@pytest.fixture(scope="module")
def responses(cohort):
    corrupted = extract_corrupted(cohort, Brightness(), MEASUREMENT)
    diagnoses = dict(cohort.table["diagnosis"])
    rows = measure_responses(corrupted, diagnoses, MEASUREMENT)
    return rows.pivot(index="versus", columns="metric", values="value")


def test_a_corruption_is_determined_by_subject_and_seed():
    cine = beating(0, 0.4)
    assert np.array_equal(corrupt(cine, "noise 0.1", "a", 0), corrupt(cine, "noise 0.1", "a", 0))
    assert not np.array_equal(corrupt(cine, "noise 0.1", "a", 0), corrupt(cine, "noise 0.1", "b", 0))


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupted_cines_are_cines(corruption):
    cine = beating(0, 0.4)
    shown = corrupt(cine, corruption, "a", 0)
    assert shown.shape == cine.shape and shown.dtype == np.float32
    assert shown.min() >= 0 and shown.max() <= 1 and not np.array_equal(shown, cine)


def test_shuffles_keep_every_image():
    cine = beating(0, 0.4)
    for corruption, axis in (("frames shuffled", 0), ("slices shuffled", 1)):
        shown = corrupt(cine, corruption, "a", 3)
        means = [np.sort(array.mean(axis=tuple({0, 1, 2, 3} - {axis}))) for array in (cine, shown)]
        np.testing.assert_allclose(*means, atol=1e-6)


def test_stronger_corruptions_raise_a_distance_more(responses):
    for kind in ("noise {}", "blur {}"):
        values = {"noise {}": ("0.05", "0.1", "0.2"), "blur {}": ("0.5 voxels", "1 voxel", "2 voxels")}[kind]
        rises = [responses.loc[kind.format(value), "fid_response"] for value in values]
        assert rises == sorted(rises) and rises[-1] > 2


def test_a_distance_of_single_images_is_blind_to_their_order(responses):
    assert responses.loc["frames shuffled", "fid_response"] == pytest.approx(0, abs=1e-6)
    assert responses.loc["frames shuffled", "fvd_t_response"] > 2
    assert responses.loc["slices shuffled", "fid_response"] == pytest.approx(0, abs=1e-6)
    assert responses.loc["slices shuffled", "fvd_s_response"] > 2


def test_the_same_subjects_are_nearer_than_real_to_real(responses):
    assert (responses.loc[IDENTICAL] < responses.loc[COPIES]).all()
    assert (responses.loc[COPIES] < 0).all()
    assert (responses.loc[ONE_DIAGNOSIS] > 0).all()


def test_too_few_subjects_and_a_single_diagnosis_are_said(cohort):
    corrupted = extract_corrupted(cohort.select(cohort.subjects[:7]), Brightness(), MEASUREMENT)
    few = measure_responses(corrupted, {}, MEASUREMENT)
    assert set(few["status"]) == {"not_measured"} and few["note"].str.contains("7 real subjects").all()
    corrupted = extract_corrupted(cohort, Brightness(), MEASUREMENT)
    alike = measure_responses(corrupted, dict.fromkeys(cohort.subjects, "NOR"), MEASUREMENT)
    assert set(alike.loc[alike["versus"] == ONE_DIAGNOSIS, "status"]) == {"not_measured"}
