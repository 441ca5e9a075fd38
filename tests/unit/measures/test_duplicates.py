"""One patient under two ids is found and refused, however it was saved again; other patients are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from synthaug.config.data import AcdcSettings, DuplicateSettings, HarmonisationSettings, SplitSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.core.artifacts import write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.splits import make_splits
from synthaug.measures.duplicates import (
    find_duplicates,
    hash_cine,
    hash_distances,
    near_pairs,
    refuse_duplicates,
    say_roles,
)
from synthaug.measures.leakage import refuse_seen, seen_in_training
from synthaug.phantom import SCANNERS, write_phantom

LIMIT = DuplicateSettings().distance


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    """Eight phantoms on one small scanner, two of each diagnosis: as alike as different patients get."""
    root = tmp_path_factory.mktemp("phantom")
    small = {
        name: replace(scanner, matrix=72, spacing_mm=(2.6, 2.6), frames=(8, 9))
        for name, scanner in SCANNERS.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synthaug.phantom.SCANNERS", small)
        settings = PhantomSettings(subjects=8, vendors=["A"], diagnoses=["NOR", "DCM", "HCM", "RV"], seed=4)
        write_phantom(root / "raw", "acdc", settings)
    grid = HarmonisationSettings(spacing_mm=(10, 2, 2), matrix=(10, 64, 64), frames=6)
    dataset = AcdcSettings(layout="acdc", root=str(root / "raw"), vendor="A")
    harmonise_dataset("d", dataset, root / "raw", grid, root / "cohort")
    return Cohort.open(root / "cohort")


def saved_again(cine: np.ndarray, how: str) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(cine.shape)
    return {
        "byte by byte": cine,
        "with noise": (cine + 0.03 * noise).clip(0, 1),
        "on another grey scale": 0.85 * cine**1.1,
        "moved by a voxel": np.roll(cine, 1, axis=-1),
        "moved by two and one": np.roll(cine, (2, -1), axis=(-2, -1)),
        "mirrored": cine[..., ::-1],
        "turned": np.rot90(cine, 1, axes=(-2, -1)),
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "byte by byte",
        "with noise",
        "on another grey scale",
        "moved by a voxel",
        "moved by two and one",
        "mirrored",
        "turned",
    ],
)
def test_a_patient_saved_again_is_near_itself_and_no_other_is(cohort, how):
    own = np.stack([hash_cine(cohort.cine(subject)) for subject in cohort.subjects])
    again = np.stack([hash_cine(saved_again(cohort.cine(subject), how)) for subject in cohort.subjects])
    found = hash_distances(np.concatenate([own, again]))
    n = len(own)
    assert (found == found.T).all() and (np.diag(found) == 0).all()
    np.testing.assert_array_equal(found[:n, n:] <= LIMIT, np.eye(n, dtype=bool))


def test_bits_are_counted_and_one_odd_image_of_nine_does_not_decide():
    first = np.zeros((1, 16, 9, 4), np.uint64)
    second = np.full_like(first, np.uint64(0xF))  # 4 of 64 bits, in each of four words
    second[:, :, 0] = ~np.uint64(0)
    assert hash_distances(np.concatenate([first, second]))[0, 1] == 16 / 256


def test_pairs_in_blocks_are_those_of_all_distances(monkeypatch):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, (20, 16, 9, 4)).astype(np.uint64)
    hashes[[4, 17]] = hashes[9]
    hashes[17, :, :5, 0] ^= np.uint64(0b111)  # three bits of five images
    monkeypatch.setattr("synthaug.measures.duplicates._BLOCK", 7)
    for limit in (0.0, 0.1, 0.42):
        first, second, found = near_pairs(hashes, limit)
        distances = hash_distances(hashes)
        expected = np.nonzero(np.triu(distances <= limit, 1))
        np.testing.assert_array_equal([first, second], expected)
        np.testing.assert_array_equal(found, distances[expected])
    assert len(near_pairs(hashes, 0.1)[0]) == 3 and len(near_pairs(hashes[:1], 1)[0]) == 0


def copied(cohort: Cohort, folder, name: str = "copy-of-0") -> Cohort:
    """The cohort and, from another dataset, its first patient once more under another id."""
    row = cohort.table.iloc[0].to_dict() | {"subject": name, "dataset": "copy", "patient": name}
    write_subject(folder / f"sub-{name}", cohort.cine(cohort.subjects[0]) ** 1.05, {}, cohort.spacing_mm)
    write_cohort(folder, "copy", "real", [row], cohort.spacing_mm)
    other = Cohort.open(folder)
    table = pd.concat([cohort.table, other.table])
    return Cohort("both", "real", table, {**cohort.folders, **other.folders}, cohort.meta)


def test_the_copied_subject_is_named_unless_declared(cohort, tmp_path):
    assert find_duplicates(cohort, LIMIT).empty
    both, first = copied(cohort, tmp_path / "copy"), cohort.subjects[0]
    (pair,) = find_duplicates(both, LIMIT).itertuples(index=False)
    assert (pair.first, pair.second) == (first, "copy-of-0") and pair.distance < 0.1

    settings = {"folds": 4, "validation_fraction": 0.25}
    pairs = say_roles(find_duplicates(both, LIMIT), make_splits(both.table, SplitSettings(**settings)))
    assert " in fold " in pairs["apart"].item()
    with pytest.raises(
        SynthaugError, match=rf"{first} and copy-of-0 look like one patient .* split.same_pat"
    ):
        refuse_duplicates(pairs)

    declared = SplitSettings(**settings, same_patient=[[first, "copy-of-0"]])
    splits = make_splits(both.table, declared)
    for split in splits:
        roles = split.set_index("subject")["role"]
        assert roles["copy-of-0"] == roles[first]
    refuse_duplicates(say_roles(find_duplicates(both, LIMIT), splits))


@pytest.mark.parametrize(
    ("roles", "apart"),
    [
        (("train", "test"), "train and test in fold 0"),
        (("validation", "train"), "validation and train in fold 0"),
        (("test", "test_within"), ""),
        (("train", "train"), ""),
        (("unused", "test"), ""),
    ],
)
def test_only_roles_that_must_not_share_a_patient_are_apart(roles, apart):
    pairs = pd.DataFrame({"first": ["a"], "second": ["b"], "distance": [0.0]})
    split = pd.DataFrame({"subject": ["a", "b"], "role": roles})
    assert say_roles(pairs, [split])["apart"].item() == apart


def test_many_pairs_are_counted_and_a_dataset_given_twice_is_suspected():
    pairs = pd.DataFrame(
        {"first": [f"a{i}" for i in range(14)], "second": "b", "distance": 0.0, "apart": "train and test"}
    )
    with pytest.raises(SynthaugError) as error:
        refuse_duplicates(pairs)
    assert str(error.value).count("\n") == 10 and "4 pairs more" in str(error.value)


def test_wrong_declarations_are_said(cohort):
    with pytest.raises(ValidationError, match="not two subjects"):
        SplitSettings(same_patient=[["a", "a"]])
    with pytest.raises(SynthaugError, match=r"split\.same_patient: no subject nobody"):
        make_splits(cohort.table, SplitSettings(same_patient=[["nobody", cohort.subjects[0]]]))


def test_declared_groups_and_visits_join():
    table = pd.DataFrame(
        {
            "subject": list("abcdefghijkl"),
            "dataset": "d",
            "vendor": "A",
            "diagnosis": "NOR",
            "labelled_frames": "0",
            "patient": list("xxcdefghijkl"),  # a and b are visits of x
        }
    )
    settings = SplitSettings(folds=3, same_patient=[["b", "c"], ["c", "d"]])
    for split in make_splits(table, settings):
        joined = split.set_index("subject").loc[list("abcd")]
        assert joined["role"].nunique() == 1 and set(joined["patient"]) == {"x"}


def test_a_network_that_saw_a_tested_patient_is_refused(tmp_path):
    roles = {"a": "train", "b": "test", "c": "unused", "d": "test_within"}
    split = pd.DataFrame({"subject": list(roles), "role": list(roles.values()), "patient": list("abbd")})
    refuse_seen("extractor study", ["a", "b elsewhere"], split)
    refuse_seen("extractor inception", [], split)
    with pytest.raises(
        SynthaugError, match="extractor study: was trained on b, d, tested in this fold; use one"
    ):
        refuse_seen("extractor study", ["d", "b", "a", "x"], split)
    with pytest.raises(
        SynthaugError, match="was trained on c, tested in this fold or visits of patients who are;"
    ):
        refuse_seen("extractor study", ["a", "c"], split)  # c is another visit of b's patient
    write_json(tmp_path / "predictions.json", {"seen": ["a"], "cases": []})
    assert seen_in_training(tmp_path) == ["a"]
