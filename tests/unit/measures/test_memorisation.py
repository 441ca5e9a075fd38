"""Memorisation: similarity is what it says, scores by hand, positive controls found and real patients spared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from synthaug.config.synthesis import CopySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.copies import refused_copies
from synthaug.measures.memorisation.data_copying import data_copying, standardised_rank_sum
from synthaug.measures.memorisation.estimates import (
    authenticity,
    copy_threshold,
    nearer_to_train,
    nearest_neighbour_ratio,
    validated_threshold,
)
from synthaug.measures.memorisation.feature_audit import audit_features
from synthaug.measures.memorisation.image_audit import audit_memorisation
from synthaug.measures.memorisation.positive_controls import TRANSFORMS
from synthaug.measures.memorisation.roles import Roles, audit_roles
from synthaug.measures.memorisation.scores import dropped_rows
from synthaug.measures.memorisation.similarity import similarity

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
        found = similarity(copy, own, FLAT)
        np.testing.assert_allclose(np.diag(found), 1, atol=1e-6)
        assert (found.argmax(axis=1) == np.arange(4)).all()


def test_other_cines_are_not_alike() -> None:
    assert similarity(cines(5, 1), cines(6, 2), FLAT).max() < 0.6


def test_what_all_have_in_common_does_not_count() -> None:
    common = 3 * cines(1, 3)[0, 0]
    first, second = cines(5, 1) + common, cines(6, 2) + common
    assert similarity(first, second, FLAT).min() > 0.8
    assert similarity(first, second, common).max() < 0.6


def test_planes_that_are_not_square_are_turned_by_halves() -> None:
    own = cines(3, 4, (6, 3, 8, 12))
    turned = np.rot90(own, 2, axes=(-2, -1))
    np.testing.assert_allclose(np.diag(similarity(turned, own, np.zeros((3, 8, 12)))), 1, atol=1e-6)


REAL = np.array([[0.0], [1], [3], [6]])
SYNTHETIC = np.array([[0.5], [2.5], [10]])


def test_authenticity_by_hand() -> None:
    # 0.5 is 0.5 from 0, whose neighbour is 1 away; 2.5 is 0.5 from 3 (2 away); 10 is 4 from 6 (3 away).
    assert authenticity(cdist(SYNTHETIC, REAL), cdist(REAL, REAL)).value == pytest.approx(1 / 3)


def test_authenticity_finds_positive_controls_among_many_synthetic() -> None:
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
    rows, pairs = audit_memorisation(
        real, synthetic, Roles(ids[:24], ids[24 : 24 + held_out]), Measurement({"fold": 0})
    )
    return rows.set_index("metric"), pairs


def test_a_generator_of_new_hearts_is_spared_and_a_copier_found(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(12, 6))
    stolen = [real.cine(subject)[..., ::-1] for subject in real.subjects[:6]]
    mixed = write(tmp_path / "mixed", "mixed", "synthetic", [*stolen, *cines(6, 7)])
    rows, pairs = audit(real, new)
    assert rows.loc["copied_share", "value"] <= 0.25 and rows.loc["authenticity", "value"] > 0.3
    assert (
        rows.loc["positive_control_found", "value"] == 1
        and rows.loc["positive_control_disguised_found", "value"] >= 0.95
    )
    assert all(rows.loc[f"positive_control_{transform}_found", "value"] >= 0.95 for transform in TRANSFORMS)
    assert rows.loc["copied_share_real", "n"] == 20 and rows.loc["copied_share_real", "value"] <= 0.25
    rows, pairs = audit(real, mixed)
    assert rows.loc["copied_share", "value"] >= 0.5
    assert pairs["copy"].iloc[:6].all() and pairs["training_subject"].iloc[0] in real.subjects[:6]
    assert rows.loc["nearer_to_train", "value"] > 0.5


def test_too_few_subjects_are_said(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(3, 6))
    rows, pairs = audit_memorisation(real, new, Roles(real.subjects[:7]), Measurement())
    assert set(rows["status"]) == {"not_measured"} and pairs.empty
    rows, _ = audit(real, new, held_out=0)
    assert rows.loc["copied_share_real", "status"] == "not_measured"


def test_the_validated_threshold_allows_for_fewer_comparisons() -> None:
    alike = np.random.default_rng(0).random((1000, 40))
    # Uniform similarities: the largest of 1000 is below 0.95 ** (1 / 1000) with probability 0.95.
    assert validated_threshold(alike) == pytest.approx(0.95 ** (1 / 1000), abs=2e-4)
    assert validated_threshold(alike[:, :19]) is None
    same = validated_threshold(alike[:40])
    assert same == pytest.approx(np.sort(alike[:40].max(axis=1))[37:39] @ [0.05, 0.95])


def test_enough_validation_patients_set_the_threshold_and_are_not_judged(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(6, 6))
    ids = real.subjects
    rows, _ = audit_memorisation(real, new, Roles(ids[:16], ids[36:], ids[16:36]), Measurement())
    rows = rows.set_index("metric")
    assert "training with 20 validation patients" in rows.loc["copied_share", "note"]
    assert rows.loc["copied_share_real", "n"] == 8 and rows.loc["positive_control_found", "value"] == 1
    rows, _ = audit_memorisation(real, new, Roles(ids[:16], ids[35:], ids[16:35]), Measurement())
    rows = rows.set_index("metric")
    assert "any two training patients" in rows.loc["copied_share", "note"]
    assert rows.loc["copied_share_real", "n"] == 9 + 19


def test_rank_sum_by_hand() -> None:
    # Of 2 x 2 pairs the synthetic is larger in none: U = 0, mean 2, SD sqrt(4 x 5 / 12).
    assert standardised_rank_sum(np.array([3.0, 4]), np.array([1.0, 2])) == pytest.approx(
        -2 / np.sqrt(20 / 12)
    )
    assert standardised_rank_sum(np.array([1.0, 2]), np.array([1.0, 2])) == 0


def test_data_copying_is_far_below_zero_for_copies_and_near_it_for_new_samples() -> None:
    random = np.random.default_rng(3)
    centres = random.normal(size=(3, 10)) * 8

    def sample(count: int) -> np.ndarray:
        return centres[random.integers(3, size=count)] + random.normal(size=(count, 10))

    training, held_out = sample(120), sample(60)
    copies = training[random.integers(120, size=60)] + 0.05 * random.normal(size=(60, 10))
    far = data_copying(training, held_out, 3 * sample(60))
    copied, new = data_copying(training, held_out, copies), data_copying(training, held_out, sample(60))
    assert copied is not None and new is not None and far is not None
    assert copied.value < -4 and copied.ci_high < -3 and copied.n == 60
    assert abs(new.value) < 2 and new.ci_low < 0 < new.ci_high
    assert far.value > 3
    assert data_copying(training, held_out[:19], copies) is None


def spatial(cine: np.ndarray) -> np.ndarray:
    """Stand-in features of each frame: coarse pixels, so that a turned frame has others."""
    return cine[:, :, ::2, ::2].reshape(len(cine), -1)


def features(cohort: Cohort) -> FeatureSet:
    arrays = [spatial(cohort.cine(subject)) for subject in cohort.subjects]
    return FeatureSet(tuple(cohort.subjects), {"spatial": arrays}, "pixels")


def test_copies_are_found_among_features_too(real, tmp_path) -> None:
    ids = real.subjects
    stolen = [np.roll(real.cine(subject), 2, axis=0)[..., ::-1] for subject in ids[:6]]
    mixed = write(tmp_path / "mixed", "mixed", "synthetic", [*stolen, *cines(14, 7)])
    roles, measurement = Roles(ids[:24], ids[24:]), Measurement({"fold": 0})
    rows = audit_features(real, features(real), features(mixed), spatial, roles, measurement)
    rows = rows.set_index("metric")
    assert set(rows["extractor"]) == {"pixels"}
    assert 6 / 20 <= rows.loc["copied_share_features", "value"] <= 0.5
    for transform in ("noisy", "mirrored", "turned", "shifted", "disguised"):
        assert rows.loc[f"positive_control_{transform}_found_features", "value"] == 1
    assert rows.loc["positive_control_noisy_found_features", "n"] == 12
    assert rows.loc["c_t_features", "status"] in ("ok", "not_measured")
    absent = FeatureSet((), {}, "inception", absent="no weights")
    rows = audit_features(real, absent, absent, spatial, Roles(ids[:24]), Measurement())
    assert set(rows["status"]) == {"extractor_absent"} and set(rows["note"]) == {"no weights"}


PAIRS = pd.DataFrame(
    {
        "subject": ["s1", "s2", "s3", "s4"],
        "training_subject": ["p1", "p2", "p1", "p3"],
        "similarity": [0.99, 0.9, 0.5, 0.4],
        "copy": [True, True, False, False],
    }
)


def test_the_gate_keeps_drops_or_stops() -> None:
    assert refused_copies(PAIRS, CopySettings(), "c") == []
    assert refused_copies(PAIRS, CopySettings(action="drop"), "c") == ["s1", "s2"]
    assert refused_copies(PAIRS, CopySettings(action="stop", maximum=0.5), "c") == []
    with pytest.raises(
        SynthaugError, match=r"2 of 4 synthetic subjects are copies.*s1 is similar to p1 \(0\.99\)"
    ):
        refused_copies(PAIRS, CopySettings(action="stop", maximum=0.4), "c")
    with pytest.raises(SynthaugError, match="no subject could be judged"):
        refused_copies(PAIRS[:0], CopySettings(action="drop"), "c")
    row = dropped_rows(PAIRS, CopySettings(action="drop"), Measurement({"fold": 1})).iloc[0]
    assert (row["metric"], row["value"], row["n"], row["fold"]) == ("copies_dropped", 2, 4, 1)
    assert dropped_rows(PAIRS, CopySettings(), Measurement()).empty


def test_roles_of_an_audit_are_disjoint_and_of_the_training_scanners() -> None:
    roles = ["train", "train", "validation", "test_within", "test", "test", "unused"]
    split = pd.DataFrame({"subject": list("abcdefg"), "vendor": list("XXXXYXX"), "role": roles})
    assert audit_roles(split) == Roles(["a", "b"], ["d", "f"], ["c"])
