"""The real, untidy files: what can be used, what cannot and why, and where the hearts come to lie."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.data import AcdcSettings, HarmonisationSettings, SplitSettings
from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.heart_localisation import centre_of_labels, centre_of_motion
from synthaug.data.orientation import orient_cine
from synthaug.data.readers import find_subjects
from synthaug.data.splits import make_splits, subjects_of
from synthaug.labels import LV, MYO, RV
from synthaug.measures.duplicates import find_duplicates

from requirements import real_data_root, require  # isort: skip

pytestmark = pytest.mark.real
GRID = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 80, 80), frames=16)
LABELLED = [f"acdc-patient{number:03d}" for number in (*range(1, 7), *range(8, 16))]


@pytest.fixture(scope="module")
def root():
    folder = real_data_root() / "acdc_mini"
    require(
        "real",
        folder.is_dir(),
        f"{folder} is absent; set SYNTHAUG_REAL_DATA to the folder that holds acdc_mini",
    )
    return folder


@pytest.fixture(scope="module")
def cohort(root, tmp_path_factory):
    output = tmp_path_factory.mktemp("acdc") / "cohort"
    dataset = AcdcSettings(layout="acdc", root=str(root), vendor="Siemens", minimum_subjects=30)
    harmonise_dataset("acdc", dataset, root, GRID, output)
    return Cohort.open(output)


@pytest.fixture(scope="module")
def output(cohort):
    return next(iter(cohort.folders.values())).parent


def test_every_subject_is_used_or_quarantined_with_its_reason(cohort, output):
    assert len(cohort.subjects) == 33
    assert [subject for subject in cohort.subjects if cohort.labelled_frames(subject)] == LABELLED
    quarantine = read_tsv(output / "quarantine.tsv").set_index("subject")
    assert list(quarantine.index) == ["acdc-patient081", "acdc-patient082"]
    assert quarantine["problem"].str.startswith("the voxel size was lost").all()
    assert quarantine["remedy"].str.contains("spacing_mm").all()


def test_repairs_are_recorded_for_exactly_the_subjects_that_had_them(output):
    findings = read_tsv(output / "findings.tsv")
    repaired = findings.loc[findings["finding"].str.contains("lost its voxel size"), "subject"]
    assert repaired.tolist() == [f"acdc-patient{number:03d}" for number in range(9, 16)]
    cut = findings.loc[findings["finding"].str.contains("reach the edge of the field of view"), "subject"]
    assert "acdc-patient004" in set(cut)
    assert not findings["finding"].str.contains("slice order").any()


def test_the_grid_is_common_and_nothing_is_made_up(cohort):
    assert set(cohort.table["n_slices"]) <= {6, 7}  # the stacks of the files, none interpolated
    for subject in cohort.subjects:
        cine = cohort.cine(subject)
        assert cine.shape[0] == 16 and cine.shape[2:] == (80, 80)
        assert cine.min() == 0 and cine.max() == 1
    assert cohort.table["es_frame"].between(4, 10).all()
    assert cohort.table["vendor"].eq("Siemens").all() and cohort.table["centre"].isna().all()


def test_hearts_lie_the_same_way_and_in_the_middle(cohort):
    for subject in LABELLED:
        labels = cohort.label_cine(subject)[0]
        (lv_y, lv_x), (rv_y, rv_x) = (
            np.argwhere(labels == structure)[:, 1:].mean(axis=0) for structure in (LV, RV)
        )
        direction = np.degrees(np.arctan2(rv_y - lv_y, lv_x - rv_x))  # 0 is to the left, positive downwards
        assert -40 < direction < 60, subject
        y, x = np.argwhere(labels > 0)[:, 1:].mean(axis=0)
        assert abs(y - 39.5) < 10 and abs(x - 39.5) < 10, subject
        assert (labels == RV).sum(axis=(1, 2)).argmax() <= 2, subject  # base first


def test_images_and_labels_belong_together(cohort):
    for subject in LABELLED:
        cine, labels = cohort.cine(subject), cohort.label_cine(subject)
        ed, es = cohort.labelled_frames(subject)
        for frame in (ed, es):
            blood, wall = (np.median(cine[frame][labels[frame] == structure]) for structure in (LV, MYO))
            assert blood > wall + 0.1, (subject, frame)
        assert cohort.table.loc[subject, "lv_esv_ml"] < cohort.table.loc[subject, "lv_edv_ml"]


def test_volumes_are_those_of_the_files(root, cohort):
    for subject in find_subjects(AcdcSettings(layout="acdc", root=str(root)), root):
        if f"acdc-{subject.id}" not in LABELLED:
            continue
        raw = subject.load()
        voxel_ml = np.prod(raw.voxel_size_mm) / 1000
        before = (raw.labels[subject.ed_frame] == LV).sum() * voxel_ml
        assert cohort.table.loc[f"acdc-{subject.id}", "lv_edv_ml"] == pytest.approx(before, rel=0.02)


def test_motion_finds_the_heart_that_labels_show(root):
    distances = []
    for subject in find_subjects(AcdcSettings(layout="acdc", root=str(root)), root):
        if f"acdc-{subject.id}" in LABELLED:
            canonical = orient_cine(subject.load(), subject.ed_frame, subject.es_frame)
            motion = centre_of_motion(canonical.cine, canonical.spacing_mm)
            labels = centre_of_labels(canonical.labels, (1000, 1000))  # a window that needs no moving
            distances.append(np.hypot(*np.subtract(motion, labels)) * canonical.spacing_mm[1])
    # Dilated hearts of 110 mm, the hardest case because they hardly move; one is cut by the field of view.
    assert np.median(distances) < 16 and max(distances) < 35


def test_the_split_keeps_unlabelled_patients_in_training(cohort):
    (split,) = make_splits(cohort.table, SplitSettings(test_fraction=0.3))
    assert len(subjects_of(split, "test")) == 4
    assert len(subjects_of(split, "train", labelled=False)) == 19
    assert len(subjects_of(split, "validation")) == 2 and len(subjects_of(split, "train")) == 27


def test_no_two_patients_look_like_one(cohort):
    assert find_duplicates(cohort, 0.3).empty  # the default of 0.2 has room
