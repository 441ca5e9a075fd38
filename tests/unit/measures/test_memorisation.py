"""Memorisation: similarity is what it says, scores by hand, positive controls found and real patients spared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from synthaug.config.geometry import GeometrySettings
from synthaug.config.synthesis import CopySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation import memberships
from synthaug.measures.memorisation.copies import refused_copies
from synthaug.measures.memorisation.data_copying import data_copying, standardised_rank_sum
from synthaug.measures.memorisation.estimates import (
    authenticity,
    conformal_p,
    copy_threshold,
    fewest_held_out,
    nearest_is_training,
    nearest_neighbour_ratio,
    unusually_near,
)
from synthaug.measures.memorisation.feature_audit import RECOGNITION, audit_features
from synthaug.measures.memorisation.image_audit import audit_memorisation
from synthaug.measures.memorisation.memberships import METRIC, compare_memberships, permutation_p
from synthaug.measures.memorisation.positive_controls import TRANSFORMS, movement_limits, transform_copy
from synthaug.measures.memorisation.roles import Roles, audit_roles
from synthaug.measures.memorisation.scores import Similarities, dropped_rows, score_copies
from synthaug.measures.memorisation.similarity import (
    Search,
    as_queries,
    describe_cine,
    mean_image,
    similarity,
)

FLAT = np.zeros((3, 32, 32))
QUICK = GeometrySettings(scale=0)  # no enlargement: a third of the search


def cines(count: int, seed: int, shape=(6, 3, 32, 32)) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = random.standard_normal((count, *shape)) + 2 * random.standard_normal((count, 1, *shape[1:]))
    smooth = np.stack([gaussian_filter(one, (1, 0, 3, 3), mode="wrap") for one in noise])
    return (0.5 + smooth / smooth.std() / 8).clip(0, 1).astype(np.float32)


def described(images) -> np.ndarray:
    return np.stack([describe_cine(image) for image in images])


@pytest.mark.parametrize("shape", [(6, 3, 32, 32), (7, 4, 40, 32)])
def test_a_cine_is_like_itself_however_it_is_turned_mirrored_or_started(shape) -> None:
    own = cines(4, 0, shape)
    for copy in (
        own,
        np.roll(own, 2, axis=1),
        np.rot90(own, 2, axes=(-2, -1)),
        own[..., ::-1],
        0.3 * own + 0.2,
    ):
        found = similarity(described(copy), described(own), FLAT, Search(0, (0,), (1,)))
        np.testing.assert_allclose(np.diag(found), 1, atol=1e-5)
        assert (found.argmax(axis=1) == np.arange(4)).all()


def test_queries_at_a_quarter_of_the_size_and_in_blocks_are_the_same(monkeypatch) -> None:
    one, other, search = described(cines(5, 1)), described(cines(3, 2)), Search(0, (0,), (1,))
    whole = similarity(one, other, FLAT, search)
    monkeypatch.setattr("synthaug.measures.memorisation.similarity._BLOCK", 2)
    np.testing.assert_array_equal(similarity(as_queries(one), other, FLAT, search), whole)


def test_similarity_by_hand() -> None:
    # Harmonics a quarter of a cycle apart count as equal: (mean . mean + |wave . wave|) / lengths.
    one = np.zeros((1, 3, 3, 32, 32), np.float32)
    one[0, 0] = np.sign(np.arange(32) - 15.5)  # odd in x, mean 0 and SD 1 in the disc
    one[0, 1], other = 0.5, one.copy()
    other[0, 1], other[0, 2] = 0, 0.5
    assert similarity(one, other, FLAT, Search(0, (0,), (1,)))[0, 0] == pytest.approx(1)
    other[0, 2] = 0
    assert similarity(one, other, FLAT, Search(0, (0,), (1,)))[0, 0] == pytest.approx(1 / np.sqrt(1.25))


def test_copies_that_were_moved_are_found() -> None:
    own, random = cines(12, 0), np.random.default_rng(0)
    known = described(own)
    for transform in ("translated", "rotated", "moved", "disguised"):
        copies = described([transform_copy(cine, transform, random) for cine in own])
        found = similarity(copies, known, mean_image(known), Search.covering(movement_limits(), 32))
        assert (found.argmax(axis=1) == np.arange(12)).all() and np.diag(found).min() > 0.75, transform
    # Without a search, a shift by three voxels hides a copy.
    still = similarity(described(np.roll(own, 3, axis=-1)), known, mean_image(known), Search(0, (0,), (1,)))
    assert np.median(np.diag(still)) < 0.75


def test_the_search_covers_the_limits() -> None:
    assert Search.covering(movement_limits(), 128) == Search()
    wide = movement_limits(
        [{"shift_voxels": 12, "rotation_degrees": 180, "scale": 0.3}, {"shift_voxels": 1}, {"scale": 0}]
    )
    assert (wide.shift_voxels, wide.rotation_degrees, wide.scale) == (12, 180, 0.3)
    search = Search.covering(wide, 96)
    assert search.reach == 4 and search.angles_deg[-1] == 40 and search.scales == pytest.approx((0.8, 1, 1.2))


def test_other_cines_are_not_alike() -> None:
    assert similarity(described(cines(5, 1)), described(cines(6, 2)), FLAT).max() < 0.8


def test_what_all_have_in_common_does_not_count() -> None:
    common = 3 * cines(1, 3)[0, 0]
    first, second = described(cines(5, 1) + common), described(cines(6, 2) + common)
    assert similarity(first, second, FLAT).min() > 0.8
    assert similarity(first, second, mean_image(np.concatenate([first, second]))).max() < 0.8


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


def test_threshold_and_ratio_by_hand() -> None:
    assert copy_threshold(np.array([0.9, 0.7, 0.8])) == 0.7
    assert copy_threshold(np.arange(100.0)) == 4  # rank 0.05 x 101
    assert nearest_neighbour_ratio(np.array([[2.0, 4, 9], [1, 10, 10], [3, 3, 3]])) == 0.5


def test_conformal_p_by_hand() -> None:
    np.testing.assert_allclose(
        conformal_p(np.array([0.5, 0.2, 0.9]), np.array([0.1, 0.5, 0.7])), [0.75, 0.75, 0.25]
    )
    assert fewest_held_out() == 19
    assert unusually_near(np.array([1 / 19]), 18) is None
    near = unusually_near(np.array([0.05, 0.1, 0.05, 1]), 19)
    # Of one new patient: 1 / 20. Two of four: 1 - C(22, 4) / C(23, 4) - 4 C(21, 3) / (C(23, 4)), by ranks.
    assert near is not None and (near.value, near.floor, near.n) == (0.5, 0.05, 4)
    assert near.p_value == pytest.approx(4 * 3 / (23 * 22))
    one = unusually_near(np.array([0.05]), 19)
    assert one is not None and one.p_value == pytest.approx(0.05)


def test_new_patients_are_flagged_at_the_level_although_the_centre_is_of_the_training_patients() -> None:
    random, flagged = np.random.default_rng(1), []
    for _ in range(400):
        train, held_out, new = (random.normal(size=(n, 6)) for n in (27, 19, 10))
        scores = []
        for rows in (held_out, new):
            unit = [one - train.mean(axis=0) for one in (rows, train)]
            unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in unit]
            scores.append((unit[0] @ unit[1].T).max(axis=1))
        flagged.append((conformal_p(scores[1], scores[0]) <= 0.05).mean())
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.012)


def test_the_nearest_patient_of_copies_trained() -> None:
    random = np.random.default_rng(2)
    real = random.normal(size=(40, 8))
    new, copies = random.normal(size=(200, 8)), real[random.integers(30, size=200)]
    copied = nearest_is_training(-cdist(copies, real), 30)
    assert copied.value == 1 and copied.p_value < 0.01 and copied.floor == 0.75 and copied.n == 200
    p_values = [nearest_is_training(-cdist(new, random.permutation(real)), 30).p_value for _ in range(60)]
    assert 0.3 < np.mean(p_values) < 0.7 and min(p_values) > 1e-3
    # By hand: one synthetic subject of two patients, one of whom trains.
    assert nearest_is_training(np.array([[1.0, 0]]), 1).p_value == pytest.approx(0.5, abs=0.03)


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
    rows, pairs, _ = audit_memorisation(
        real, synthetic, Roles(ids[:24], ids[24 : 24 + held_out]), Measurement({"fold": 0}), QUICK
    )
    return rows.set_index("metric"), pairs


def test_a_generator_of_new_hearts_is_spared_and_a_copier_found(real, tmp_path) -> None:
    stolen = [real.cine(subject)[..., ::-1] for subject in real.subjects[:6]]
    mixed = write(tmp_path / "mixed", "mixed", "synthetic", [*cines(6, 7), *stolen])
    rows, pairs = audit(real, mixed)
    assert rows.loc["copied_share", "value"] == 0.5 and "24 re-scans" in rows.loc["copied_share", "note"]
    assert rows.loc["copied_share_real", "value"] == 0 and rows.loc["copied_share_real", "n"] == 20
    assert rows.loc["positive_control_found", "value"] == 1
    assert all(rows.loc[f"positive_control_{transform}_found", "value"] >= 0.9 for transform in TRANSFORMS)
    assert rows.loc["unusually_near_share", "value"] >= 0.5
    assert rows.loc["unusually_near_share", "floor"] == pytest.approx(1 / 21)
    assert rows.loc["nearest_trained_share", "value"] >= 0.75
    assert rows.loc["nearest_trained_share", "floor"] == pytest.approx(24 / 44)
    assert pairs["copy"].tolist() == 6 * [True] + 6 * [False]
    assert pairs["training_subject"].iloc[0] in real.subjects[:6]
    assert pairs["conformal_p"].iloc[:6].tolist() == pytest.approx(6 * [1 / 21])
    assert pairs["conformal_p"].iloc[6:].min() > 1 / 21


def test_too_few_subjects_are_said(real, tmp_path) -> None:
    new = write(tmp_path / "new", "new", "synthetic", cines(3, 6))
    rows, pairs, _ = audit_memorisation(real, new, Roles(real.subjects[:7]), Measurement())
    assert set(rows["status"]) == {"not_measured"} and pairs.empty
    ids = real.subjects
    rows, _, _ = audit_memorisation(real, new, Roles(ids[:8]), Measurement(), QUICK)
    rows = rows.set_index("metric")
    for metric in ("copied_share_real", "unusually_near_share", "conformal_p", "nearest_trained_share"):
        assert rows.loc[metric, "status"] == "not_measured"
    assert (
        rows.loc["copied_share", "status"] == "ok" and "the smallest of 8" in rows.loc["copied_share", "note"]
    )
    rows, _, _ = audit_memorisation(real, new, Roles(ids[:8], ids[8:12]), Measurement(), QUICK)
    rows = rows.set_index("metric")
    assert rows.loc["conformal_p", "value"] >= 0.2
    assert "smallest attainable p is 0.200; 19 are needed" in rows.loc["unusually_near_share", "note"]


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


@pytest.mark.filterwarnings("ignore")  # of clusters without points and components without variance
def test_fewer_distinct_training_subjects_than_regions_leave_regions_out() -> None:
    random = np.random.default_rng(0)
    held_out, synthetic = random.normal(size=(2, 20, 8))
    for distinct in (1, 2):
        training = np.repeat(random.normal(size=(distinct, 8)), 24 // distinct, axis=0)
        found = data_copying(training, held_out, synthetic)
        assert found is None or (found.n <= 20 and abs(found.value) < 4)


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
    rows = audit_features(real, features(real), features(mixed), spatial, roles, measurement, QUICK)
    rows = rows.set_index("metric")
    assert set(rows["extractor"]) == {"pixels"}
    assert rows.loc["copied_share_features", "value"] >= 6 / 20
    for transform in ("noisy", "mirrored", "turned", "shifted"):
        assert rows.loc[f"positive_control_{transform}_found_features", "value"] == 1
    assert rows.loc["positive_control_noisy_found_features", "n"] == 20
    assert rows.loc["unusually_near_share_features", "value"] >= 6 / 20
    assert rows.loc["copied_share_real_features", "value"] == 0
    fresh = features(write(tmp_path / "new", "new", "synthetic", cines(20, 9)))
    other = audit_features(real, features(real), fresh, spatial, roles, measurement, QUICK).set_index(
        "metric"
    )
    assert (
        other.loc["copied_share_features", "value"]
        == other.loc["unusually_near_share_features", "value"]
        == 0
    )
    nearest = "nearest_trained_share_features"
    assert rows.loc[nearest, "value"] >= 6 / 20 and other.loc[nearest, "p_value"] > 0.05
    assert rows.loc[nearest, "p_value"] < other.loc[nearest, "p_value"]
    assert rows.loc["c_t_features", "status"] == "ok"
    assert rows.loc["c_t_features", "value"] < other.loc["c_t_features", "value"]
    knows = dataclasses.replace(features(real), seen=tuple(ids[:25]))
    rows = audit_features(real, knows, features(mixed), spatial, roles, measurement, QUICK).set_index(
        "metric"
    )
    assert rows.loc["copied_share_real_features", "n"] == 19
    assert np.isnan(rows.loc["nearest_trained_share_features", "p_value"])
    assert "no permutation test" in rows.loc["nearest_trained_share_features", "note"]
    assert rows.loc["c_t_features", "status"] == "not_measured"  # of 19 held out
    assert "19 held-out" in rows.loc["c_t_features", "note"]
    absent = FeatureSet((), {}, "inception", absent="no weights")
    recognised = audit_features(
        real, features(real), features(mixed), spatial, roles, measurement, QUICK, RECOGNITION
    ).set_index("metric")
    assert recognised.loc["copied_share_recognition", "value"] == 0.3
    assert all(metric.endswith("_recognition") for metric in recognised.index)
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


def test_a_share_of_copies_is_withheld_where_people_never_seen_count_as_copies() -> None:
    """Re-scans are 0.9 similar to their patient: so are 8, and then 1, of 20 held-out patients to another."""

    def shares(alike: int) -> dict[str, dict]:
        held_out = np.full((20, 10), 0.2)
        held_out[:alike, 0] = 0.95
        found = Similarities(
            training=np.eye(10),
            synthetic=np.full((5, 10), 0.95),
            held_out=held_out,
            synthetic_to_real=np.full((5, 30), 0.95),
            rescans=np.full(20, 0.9),
            patients=np.arange(10),
        )
        return {row["metric"]: row for row in score_copies(found, Measurement()).rows}

    told = shares(1)  # 1 of 20 is the nominal share
    assert (told["copied_share"]["status"], told["copied_share"]["value"]) == ("ok", 1.0)
    assert "does not tell" not in (told["copied_share_real"].get("note") or "")
    untold = shares(8)
    assert untold["copied_share"]["status"] == "not_measured"
    assert untold["copied_share"]["note"].startswith("withheld: 40% of 20 held-out real patients are copies")
    assert (untold["copied_share_real"]["status"], untold["copied_share_real"]["value"]) == ("ok", 0.4)


def test_visits_of_a_patient_are_not_other_patients() -> None:
    """Eight patients with two visits, 0.05 apart; others 1 apart. Synthetic subjects: 0.1 and 0.11 from those of one."""
    patients = np.arange(16) // 2
    training = np.where(patients[:, None] == patients, 0.95, 0.0)
    np.fill_diagonal(training, 1)
    synthetic = np.where(np.arange(8)[:, None] == patients, np.where(np.arange(16) % 2, 0.89, 0.9), 0.0)
    # A re-scan of a first visit is most similar to the second visit of the same patient.
    moved = np.roll(training, 1, axis=1)[::2]
    found = Similarities(
        training=training,
        synthetic=synthetic,
        held_out=np.zeros((2, 16)),
        synthetic_to_real=np.zeros((8, 10)),
        rescans=np.full(20, 0.9),
        patients=patients,
        positive_controls={"positive_control_found": moved[[0]]},
    )
    rows = {row["metric"]: row for row in score_copies(found, Measurement()).rows}
    # 0.1 is not farther than the nearest other patient, 1 away; 0.1 / 1, not 0.1 / 0.11.
    assert rows["authenticity"]["value"] == 0
    assert rows["nndr"]["value"] == pytest.approx(0.1)
    assert rows["positive_control_found"]["value"] == 1


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
    roles = ["train", "train", "train", "validation", "test_within", "test_within", "test", "test", "unused"]
    subjects = ["a", "b", "b2", "c", "d", "d2", "e", "f", "g"]
    about = {"patient": [name[0] for name in subjects], "vendor": list("XXXXXXYXX"), "role": roles}
    split = pd.DataFrame({"subject": subjects, **about})
    found = audit_roles(split)
    # Visits of a patient who trains are all searched for copies; a new patient counts once.
    assert found == Roles(["a", "b", "b2"], ["c", "d", "f"], ["a", "b", "b"])
    assert found.units.tolist() == [0, 1, 1] and found.first_visits.tolist() == [0, 1]


def test_a_new_patient_whose_first_visit_is_unused_counts_by_the_next() -> None:
    """Visits without labels of a held-out patient are unused (`make_splits`)."""
    subjects = ["a", "b1", "b2", "b3"]
    about = {"patient": ["a", "b", "b", "b"], "vendor": "X", "role": ["train", "unused", "test", "test"]}
    assert audit_roles(pd.DataFrame({"subject": subjects, **about})) == Roles(["a"], ["b2"], ["a"])


def audited(similarity: list[list[float]], trains: list[list[bool]]) -> list[pd.DataFrame]:
    """Tables of patients as an audit of each training of a generator writes them."""
    return [
        pd.DataFrame({"subject": [f"p{i}" for i in range(len(own))], "trains": member, "similarity": own})
        for own, member in zip(similarity, trains, strict=True)
    ]


def test_effect_of_membership_by_hand() -> None:
    # similarity = training + patient + 0.1 where the patient trains: the effect is 0.1 exactly.
    trains = np.array([[True] * 5 + [False] * 5, [False] * 5 + [True] * 5])
    similarity = np.array([[0.3], [0.5]]) + np.linspace(0, 0.2, 10) + 0.1 * trains
    rows = compare_memberships(audited(similarity.tolist(), trains.tolist()), Measurement({"generator": "g"}))
    row = rows.iloc[0]
    assert row["value"] == pytest.approx(0.1) and row["floor"] == 0
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.1, 0.1))
    assert (row["metric"], row["generator"], row["n"], row["generator_trainings"]) == (METRIC, "g", 10, 2)
    # Of 252 ways to divide ten patients one is as extreme; permutations of patients reach it that often.
    assert row["p_value"] == pytest.approx(1 / 252, abs=0.003)


def test_permutations_in_blocks_are_those_of_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    trains = (np.arange(12) % 3 != np.arange(3)[:, None]).astype(float)
    similarity = rng.normal(size=(3, 12)) + 0.3 * trains
    whole = permutation_p(similarity, trains, 1)
    monkeypatch.setattr(memberships, "_EXCHANGED", 100)
    assert permutation_p(similarity, trains, 1) == whole < 1


def test_what_patients_and_trainings_have_in_common_is_no_effect_of_membership() -> None:
    trains = np.arange(20) % 4 != np.arange(4)[:, None]
    similarity = np.random.default_rng(0).normal(0.5, 0.1, (1, 20)) + np.array([[0.0], [0.3], [0.1], [0.2]])
    row = compare_memberships(audited(similarity.tolist(), trains.tolist()), Measurement()).iloc[0]
    assert row["value"] == pytest.approx(0, abs=1e-12) and row["p_value"] > 0.5


def test_memberships_that_tell_nothing_are_not_measured() -> None:
    def note(trains: np.ndarray) -> str:
        tables = audited(np.full(trains.shape, 0.5).tolist(), trains.tolist())
        row = compare_memberships(tables, Measurement()).iloc[0]
        assert row["status"] == "not_measured"
        return str(row["note"])

    assert note(np.array([[True] * 7, [False] * 7])).startswith("7 patients train in some folds")
    assert note(np.ones((3, 9), bool)).startswith("0 patients train in some folds")
    assert note(np.array([[True] * 9, [False] * 9])).startswith("all patients train together")
    assert note(np.array([[True] * 8 + [False], [False] * 8 + [True]])).startswith("all patients train")
