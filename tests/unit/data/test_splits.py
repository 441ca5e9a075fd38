from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from synthaug.config.data import SplitSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.splits import (
    all_tested,
    held_out_at_home,
    labelled_of_diagnosis,
    make_splits,
    read_split,
    share_of_patients,
    subjects_of,
    with_labels_of_split,
)
from synthaug.labels import UNLABELLED


def cohort_table(n_per_stratum=5, unlabelled=3) -> pd.DataFrame:
    """Vendors A and B, diagnoses NOR and DCM: `n_per_stratum` labelled patients each, and others."""
    rows = [
        (f"d-{vendor}{diagnosis}{index}", "d", vendor, diagnosis, "0,7" if index < n_per_stratum else None)
        for vendor in "AB"
        for diagnosis in ("NOR", "DCM")
        for index in range(n_per_stratum + unlabelled)
    ]
    table = pd.DataFrame(rows, columns=["subject", "dataset", "vendor", "diagnosis", "labelled_frames"])
    return table.assign(patient=table["subject"])


def roles(split: pd.DataFrame) -> dict[str, str]:
    return dict(zip(split["subject"], split["role"], strict=True))


def test_within_domain_is_stratified_and_unlabelled_subjects_train():
    (split,) = make_splits(cohort_table(), SplitSettings(test_fraction=0.2, validation_fraction=0.25))
    counts = split[split["labelled"]].groupby(["vendor", "diagnosis"])["role"].value_counts().unstack()
    assert (counts["test"] == 1).all() and (counts["validation"] == 1).all() and (counts["train"] == 3).all()
    assert set(split.loc[~split["labelled"], "role"]) == {"train"}
    assert list(split.columns) == [
        *("subject", "patient", "dataset", "vendor", "diagnosis", "labelled", "role")
    ]


def test_cross_vendor_tests_on_other_vendors():
    settings = SplitSettings(scheme="cross_vendor", train_vendors=["A"], folds=2)
    for split in make_splits(cohort_table(), settings):
        by_role = split.groupby("role")["vendor"].unique().map(set).to_dict()
        assert by_role["test"] == {"B"} and by_role["unused"] == {"B"}
        assert by_role["train"] == by_role["validation"] == by_role["test_within"] == {"A"}
        assert split.loc[split["role"].isin(["test", "validation", "test_within"]), "labelled"].all()
        assert not split.loc[split["role"] == "unused", "labelled"].any()
        foreign, within = (set(subjects_of(split, role)) for role in ("test", "test_within"))
        assert foreign.isdisjoint(within) and set(all_tested(split)) == foreign | within
        assert set(split.set_index("subject").loc[sorted(foreign), "vendor"]) == {"B"}


def test_folds_hold_every_labelled_patient_out_once():
    table = cohort_table()
    held_out = [
        subject
        for split in make_splits(table, SplitSettings(folds=5))
        for subject in subjects_of(split, "test")
    ]
    assert sorted(held_out) == sorted(table.loc[table["labelled_frames"].notna(), "subject"])


def test_visits_of_a_patient_are_never_apart():
    table = cohort_table()
    visits = table.assign(subject=table["subject"] + "-b", labelled_frames=None)
    both = pd.concat([table, visits], ignore_index=True)
    patient = both.set_index("subject")["patient"]
    for split in make_splits(both, SplitSettings(folds=3)):
        role = split.set_index("subject")["role"]
        for _, group in role.groupby(patient):
            assert len(set(group) - {"unused"}) == 1
        held_out = set(subjects_of(split, "test") + subjects_of(split, "validation"))
        assert {role[f"{subject}-b"] for subject in held_out} == {"unused"}


def test_a_patient_seen_on_a_test_vendor_never_trains():
    table = cohort_table()
    table.loc[table["subject"] == "d-BNOR0", "patient"] = "d-ANOR0"
    (split,) = make_splits(table, SplitSettings(scheme="cross_vendor", test_vendors=["B"]))
    assert roles(split)["d-ANOR0"] == "unused" and roles(split)["d-BNOR0"] == "test"


def test_unknown_vendors_are_neither_trained_nor_tested_on():
    table = cohort_table()
    table.loc[table["subject"] == "d-ANOR0", "vendor"] = None
    (split,) = make_splits(table, SplitSettings(scheme="cross_vendor", train_vendors=["A"]))
    assert roles(split)["d-ANOR0"] == "unused"
    (split,) = make_splits(table, SplitSettings())
    assert roles(split)["d-ANOR0"] in {"train", "validation", "test"}


def test_the_seed_decides_and_the_order_of_rows_does_not():
    table = cohort_table()
    first = roles(make_splits(table, SplitSettings(seed=1))[0])
    assert roles(make_splits(table.sample(frac=1, random_state=3), SplitSettings(seed=1))[0]) == first
    assert roles(make_splits(table, SplitSettings(seed=2))[0]) != first
    indexed = table.set_index("subject", drop=False)  # as Cohort.table is
    assert roles(make_splits(indexed, SplitSettings(seed=1))[0]) == first


def test_impossible_requests_are_refused_by_name():
    with pytest.raises(SynthaugError, match="no subject has vendor C; there are A, B"):
        make_splits(cohort_table(), SplitSettings(scheme="cross_vendor", test_vendors=["C"]))
    with pytest.raises(SynthaugError, match="2 labelled patients"):
        make_splits(cohort_table(1, 0).query("vendor == 'A'"), SplitSettings())
    no_labels = cohort_table().assign(labelled_frames=None)
    with pytest.raises(SynthaugError, match="no labelled patient of vendor B"):
        make_splits(no_labels, SplitSettings(scheme="cross_vendor", test_vendors=["B"]))


def test_a_split_is_read_back_as_it_was(tmp_path):
    (split,) = make_splits(cohort_table(), SplitSettings())
    split.to_csv(tmp_path / "fold-0.tsv", sep="\t", index=False)
    read = read_split(tmp_path / "fold-0.tsv")
    assert subjects_of(read, "train", labelled=True) == subjects_of(split, "train", labelled=True)
    assert subjects_of(read, "train", labelled=False) == split.loc[~split["labelled"], "subject"].tolist()


def test_held_out_at_home_are_those_of_the_training_vendors():
    (split,) = make_splits(cohort_table(), SplitSettings(scheme="cross_vendor", train_vendors=["A"]))
    held_out = held_out_at_home(split)
    chosen = split.set_index("subject").loc[held_out]
    assert held_out and set(chosen["vendor"]) == {"A"}
    assert set(chosen["role"]) == {"validation", "test_within"}


def test_a_smaller_share_of_patients_is_part_of_a_larger_one():
    table = cohort_table(10, 0)
    shares = [share_of_patients(table, share, 0, "here") for share in (0.1, 0.25, 0.5, 1.0)]
    assert [len(share) for share in shares] == [4, 10, 20, 40]
    for small, large in pairwise(shares):
        assert set(small) < set(large)
    strata = table.set_index("patient").loc[shares[2]].groupby(["vendor", "diagnosis"]).size()
    assert strata.tolist() == [5, 5, 5, 5]  # half of each
    assert share_of_patients(table.sample(frac=1, random_state=1), 0.5, 0, "here") == shares[2]
    assert share_of_patients(table, 0.5, 1, "here") != shares[2]
    with pytest.raises(
        SynthaugError, match=r"config: here: 0\.01 of 40 patients is no patient; give at least 0\.025"
    ):
        share_of_patients(table, 0.01, 0, "here")


def test_withheld_labels_leave_patients_training_and_tests_whole():
    table = cohort_table(10, 0)
    settings = SplitSettings(test_fraction=0.2, validation_fraction=0.25)
    (whole,) = make_splits(table, settings)
    (quarter,) = make_splits(table, settings.model_copy(update={"labelled_fraction": 0.25}))
    assert roles(quarter) == roles(whole)
    training = subjects_of(whole, "train", labelled=True)
    kept = subjects_of(quarter, "train", labelled=True)
    assert len(kept) == round(0.25 * len(training)) and set(kept) < set(training)
    for role in ("validation", "test"):
        assert subjects_of(quarter, role, labelled=True) == subjects_of(whole, role, labelled=True)


def test_a_fold_does_not_see_withheld_labels(tmp_path):
    cine, mask = np.full((2, 3, 4, 4), 0.5, np.float32), np.ones((3, 4, 4), np.uint8)
    rows = []
    for name in ("d-1", "d-2"):
        write_subject(tmp_path / f"sub-{name}", cine, {0: mask}, (8.0, 1.0, 1.0))
        rows.append({"subject": name, "labelled_frames": "0", "lv_edv_ml": 120.0, "ed_frame": 0})
    write_cohort(tmp_path, "d", "real", rows, (8.0, 1.0, 1.0))
    split = pd.DataFrame({"subject": ["d-1", "d-2"], "labelled": [True, False], "diagnosis": "NOR"})
    seen = with_labels_of_split(Cohort.open(tmp_path), split)
    assert seen.labelled_frames("d-1") == [0] and seen.labelled_frames("d-2") == []
    assert (seen.label_cine("d-1")[0] == 1).all() and (seen.label_cine("d-2") == UNLABELLED).all()
    assert seen.table["lv_edv_ml"].isna().tolist() == [False, True]
    assert seen.table["ed_frame"].tolist() == [0, 0]


def test_a_known_diagnosis_counts_where_diagnoses_are_the_annotation():
    table = cohort_table(n_per_stratum=1, unlabelled=5)
    table.loc[table["subject"] == "d-ANOR5", "diagnosis"] = None
    splits = make_splits(table, SplitSettings(annotation="diagnosis", folds=3, validation_fraction=0.2))
    tested = [subject for split in splits for subject in all_tested(split)]
    assert sorted(tested) == sorted(
        set(table["subject"]) - {"d-ANOR5"}
    )  # once each, with label volumes or without
    assert {roles(split)["d-ANOR5"] for split in splits} == {"train"}
    assert not any(split.set_index("subject")["labelled"]["d-ANOR5"] for split in splits)


def test_withheld_diagnoses_are_hidden_from_generators():
    """A generator that is given the diagnosis must not know those that the networks of its arms do not."""
    table = cohort_table(n_per_stratum=0, unlabelled=10).set_index("subject", drop=False)
    cohort = Cohort("d", "real", table, dict.fromkeys(table.index), {})
    settings = SplitSettings(annotation="diagnosis", labelled_fraction=0.25)
    (split,) = make_splits(table, settings)
    seen = with_labels_of_split(cohort, split).table["diagnosis"]
    kept = subjects_of(split, "train", labelled=True)
    assert 0 < len(kept) < len(subjects_of(split, "train"))
    assert seen.loc[kept].equals(table["diagnosis"].loc[kept])
    assert seen.loc[subjects_of(split, "train", labelled=False)].isna().all()
    assert seen.loc[all_tested(split)].notna().all()  # they are scored against it
    # Where label volumes are the labels, a diagnosis is what everybody knows.
    (split,) = make_splits(cohort_table(), SplitSettings(labelled_fraction=0.25))
    assert set(split["diagnosis"]) == {"NOR", "DCM"}


def test_labelled_training_subjects_are_counted_by_diagnosis():
    lines = [
        ("DCM", True, "train"),
        ("DCM", True, "train"),
        ("DCM", False, "train"),
        ("HCM", False, "train"),
        ("NOR", True, "validation"),
        ("NOR", True, "test"),
        (None, True, "train"),
    ]
    assert labelled_of_diagnosis(pd.DataFrame(lines, columns=["diagnosis", "labelled", "role"])) == {"DCM": 2}
