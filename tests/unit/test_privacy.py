"""Memorisation: likeness is what it says, scores by hand, planted copies found and real patients spared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from synthaug.cohort import Cohort, write_cohort, write_subject
from synthaug.privacy.audit import audit_memorisation
from synthaug.privacy.likeness import likeness
from synthaug.privacy.memorisation import (
    authenticity,
    copy_threshold,
    nearer_to_train,
    nearest_neighbour_ratio,
)

FLAT = np.zeros((3, 16, 16))


def cines(count: int, seed: int, shape=(6, 3, 16, 16)) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = random.standard_normal((count, *shape))
    smooth = np.stack([gaussian_filter(one, (1, 0, 2, 2), mode="wrap") for one in noise])
    return (0.5 + smooth / smooth.std() / 8).clip(0, 1).astype(np.float32)


def test_a_cine_is_like_itself_however_it_is_turned_mirrored_or_started() -> None:
    own = cines(4, 0)
    for copy in (
        own,
        np.roll(own, 2, axis=1),
        np.rot90(own, 1, axes=(-2, -1)),
        own[..., ::-1],
        0.3 * own + 0.2,
    ):
        found = likeness(copy, own, FLAT)
        np.testing.assert_allclose(np.diag(found), 1, atol=1e-6)
        assert (found.argmax(axis=1) == np.arange(4)).all()


def test_other_cines_are_not_alike() -> None:
    assert likeness(cines(5, 1), cines(6, 2), FLAT).max() < 0.6


def test_what_all_have_in_common_does_not_count() -> None:
    common = 3 * cines(1, 3)[0, 0]
    first, second = cines(5, 1) + common, cines(6, 2) + common
    assert likeness(first, second, FLAT).min() > 0.8
    assert likeness(first, second, common).max() < 0.6


def test_planes_that_are_not_square_are_turned_by_halves() -> None:
    own = cines(3, 4, (6, 3, 8, 12))
    turned = np.rot90(own, 2, axes=(-2, -1))
    np.testing.assert_allclose(np.diag(likeness(turned, own, np.zeros((3, 8, 12)))), 1, atol=1e-6)


REAL = np.array([[0.0], [1], [3], [6]])
SYNTHETIC = np.array([[0.5], [2.5], [10]])


def test_authenticity_by_hand() -> None:
    # 0.5 is 0.5 from 0, whose neighbour is 1 away; 2.5 is 0.5 from 3 (2 away); 10 is 4 from 6 (3 away).
    assert authenticity(cdist(SYNTHETIC, REAL), cdist(REAL, REAL)).value == pytest.approx(1 / 3)


def test_authenticity_finds_planted_copies_among_many_synthetic() -> None:
    random = np.random.default_rng(0)
    real = random.normal(size=(40, 8))
    copies = real[random.integers(40, size=90)] + 1e-3 * random.normal(size=(90, 8))
    synthetic = np.concatenate([copies, random.normal(size=(10, 8)) * 3])
    assert authenticity(cdist(synthetic, real), cdist(real, real)).value == pytest.approx(0.1, abs=0.02)


def test_threshold_share_and_ratio_by_hand() -> None:
    assert copy_threshold(np.array([[1, 0.5, 0.3], [0.5, 1, 0.9], [0.3, 0.9, 1]]), 50) == 0.9
    assert copy_threshold(np.array([[1, 0.5, 0.3], [0.5, 1, 0.2], [0.3, 0.2, 1]]), 0) == 0.3
    train, holdout = np.array([[1.0], [5]]), np.array([[2.0], [3]])
    found = nearer_to_train(train, holdout)
    assert found.value == 0.5 and found.n == 2 and 0 < found.ci_low < 0.5 < found.ci_high < 1
    assert nearest_neighbour_ratio(np.array([[2.0, 4, 9], [1, 10, 10], [3, 3, 3]])) == 0.5


def write(folder, name, kind, images):
    rows = []
    for number, image in enumerate(images):
        subject = f"{name}-{number:02d}"
        write_subject(folder / f"sub-{subject}", image, {}, (10, 2, 2))
        rows.append({"subject": subject, "n_frames": len(image)})
    write_cohort(folder, name, kind, rows, (10, 2, 2))
    return Cohort.open(folder)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return write(tmp_path_factory.mktemp("real"), "real", "real", cines(44, 5))


def audit(real, synthetic, held_out=20):
    ids = real.subjects
    rows, pairs = audit_memorisation(real, synthetic, ids[:24], ids[24 : 24 + held_out], {"fold": 0})
    return rows.set_index("metric"), pairs


def test_a_generator_of_new_hearts_is_spared_and_a_copier_found(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(12, 6))
    stolen = [real.cine(subject)[..., ::-1] for subject in real.subjects[:6]]
    mixed = write(tmp_path / "mixed", "mixed", "synthetic", [*stolen, *cines(6, 7)])
    rows, pairs = audit(real, new)
    assert rows.loc["copied_share", "value"] <= 0.25 and rows.loc["authenticity", "value"] > 0.3
    assert rows.loc["planted_found", "value"] == 1 and rows.loc["planted_altered_found", "value"] >= 0.95
    assert rows.loc["copied_share_real", "n"] == 20 and rows.loc["copied_share_real", "value"] <= 0.25
    rows, pairs = audit(real, mixed)
    assert rows.loc["copied_share", "value"] >= 0.5
    assert pairs["copy"].iloc[:6].all() and pairs["training_subject"].iloc[0] in real.subjects[:6]
    assert rows.loc["nearer_to_train", "value"] > 0.5


def test_too_few_subjects_are_said(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(3, 6))
    rows, pairs = audit_memorisation(real, new, real.subjects[:7], [], {})
    assert set(rows["status"]) == {"not_measured"} and pairs.empty
    rows, _ = audit(real, new, held_out=0)
    assert rows.loc["copied_share_real", "status"] == "not_measured"
