"""The real, untidy files: what can be used, what cannot and why, and where the hearts come to lie."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.data import AcdcSettings, HarmonisationSettings, SplitSettings
from synthaug.core.artifacts import read_tsv
from synthaug.data.check_cine import EXCHANGED_ENDS, EXCHANGED_NEIGHBOURS, frames_to_slices
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.readers import find_subjects
from synthaug.data.splits import make_splits, subjects_of
from synthaug.labels import LV, MYO, RV
from synthaug.measures.duplicates import find_duplicates
from synthaug.metrics import dice
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML

from requirements import real_data_root, require  # isort: skip

pytestmark = pytest.mark.real
GRID = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 112, 112), frames=16)
#: (structure, at ED) -> column of the cohort's table.
COLUMNS = {
    (LV, True): "lv_edv_ml",
    (LV, False): "lv_esv_ml",
    (RV, True): "rv_edv_ml",
    (RV, False): "rv_esv_ml",
    (MYO, True): "myo_mass_g",
}
LABELLED = [f"acdc-patient{number:03d}" for number in (*range(1, 7), *range(8, 16))]
#: Structures that the publisher's crop cuts, counted in the files: voxels in the outermost rows and columns.
CUT = {
    "acdc-patient004": {LV, MYO, RV},
    "acdc-patient006": {RV},
    "acdc-patient008": {RV},
    "acdc-patient011": {MYO, RV},
    "acdc-patient012": {RV},
    "acdc-patient013": {MYO},
    "acdc-patient014": {RV},
    "acdc-patient015": {RV},
}


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
    repaired = findings.loc[findings["problem"].str.contains("lost its voxel size"), "subject"]
    assert repaired.tolist() == [f"acdc-patient{number:03d}" for number in range(9, 16)]
    cut = findings.loc[findings["problem"].str.contains("reach the edge of the field of view"), "subject"]
    assert "acdc-patient004" in set(cut)
    assert not findings["problem"].str.contains("slice order").any()


def test_the_grid_is_common_and_nothing_is_made_up(cohort):
    assert set(cohort.table["n_slices"]) <= {6, 7}  # the stacks of the files, none interpolated
    for subject in cohort.subjects:
        cine = cohort.cine(subject)
        assert cine.shape[0] == 16 and cine.shape[2:] == (112, 112)
        assert cine.min() == 0 and cine.max() == 1
    assert cohort.table["es_frame"].between(4, 10).all()
    assert cohort.table["vendor"].eq("Siemens").all() and cohort.table["centre"].isna().all()


def test_hearts_lie_the_same_way(cohort):
    for subject in LABELLED:
        labels = cohort.label_cine(subject)[0]
        (lv_y, lv_x), (rv_y, rv_x) = (
            np.argwhere(labels == structure)[:, 1:].mean(axis=0) for structure in (LV, RV)
        )
        direction = np.degrees(np.arctan2(rv_y - lv_y, lv_x - rv_x))  # 0 is to the left, positive downwards
        assert -40 < direction < 60, subject
        assert (labels == RV).sum(axis=(1, 2)).argmax() <= 2, subject  # base first


def test_images_and_labels_belong_together(cohort):
    for subject in LABELLED:
        cine, labels = cohort.cine(subject), cohort.label_cine(subject)
        ed, es = cohort.labelled_frames(subject)
        for frame in (ed, es):
            blood, wall = (np.median(cine[frame][labels[frame] == structure]) for structure in (LV, MYO))
            assert blood > wall + 0.1, (subject, frame)
        if LV not in CUT.get(subject, ()):
            assert cohort.table.loc[subject, "lv_esv_ml"] < cohort.table.loc[subject, "lv_edv_ml"]


def test_volumes_are_those_of_the_files(root, cohort):
    for subject in find_subjects(AcdcSettings(layout="acdc", root=str(root)), root):
        if f"acdc-{subject.id}" not in LABELLED:
            continue
        raw = subject.load()
        voxel_ml = np.prod(raw.voxel_size_mm) / 1000
        name = f"acdc-{subject.id}"
        row, native, on_grid = cohort.table.loc[name], cohort.native(name), cohort.label_cine(name)
        own_ml, grid_ml = (np.prod(spacing) / 1000 for spacing in (native.grid.spacing_mm, cohort.spacing_mm))
        for before, frame in ((subject.ed_frame, 0), (subject.es_frame, row["es_frame"])):
            for structure in (LV, MYO, RV):
                volume_ml = (raw.labels[before] == structure).sum() * voxel_ml
                # What is scored and compared with published volumes.
                assert (native.labels[frame] == structure).sum() * own_ml == pytest.approx(
                    volume_ml, rel=1e-4
                )
                if row["outside_window"] > 0:
                    continue
                # What models are conditioned on: the cohort's table. Half a heart has no volume.
                column = COLUMNS.get((structure, before == subject.ed_frame))
                edges = (slice(None), [0, -1]), ([0, -1], slice(None))
                if any((native.labels[frame][:, y, x] == structure).any() for y, x in edges):
                    assert structure in CUT[name] and (column is None or np.isnan(row[column]))
                elif column and (structure not in CUT.get(name, ()) or not np.isnan(row[column])):
                    per_ml = MYOCARDIAL_DENSITY_G_PER_ML if structure == MYO else 1
                    assert row[column] == pytest.approx(per_ml * volume_ml, rel=1e-3)
                # What models learn from.
                grid_volume_ml = (on_grid[frame] == structure).sum() * grid_ml
                assert grid_volume_ml == pytest.approx(volume_ml, rel=0.03)


def test_volumes_of_structures_that_the_crop_cuts_are_unknown(cohort):
    for subject in LABELLED:
        row, cut = cohort.table.loc[subject], CUT.get(subject, set())
        for structure, columns in {
            LV: ["lv_edv_ml", "lv_ef"],
            MYO: ["myo_mass_g"],
            RV: ["rv_edv_ml", "rv_ef"],
        }.items():
            unknown = row[columns].isna().any()
            assert unknown == (structure in cut), (subject, structure)


def test_motion_finds_the_heart_that_labels_show(cohort):
    placed = cohort.table.loc[LABELLED]
    # Dilated hearts of 110 mm, the hardest case because they hardly move; one is cut by the field of view.
    assert placed["window_offset_mm"].median() < 16 and placed["window_offset_mm"].max() < 35
    assert cohort.table["window_offset_mm"].notna().sum() == len(LABELLED)
    # A window of 168 mm holds all but slivers of two: it is said how much of it is cut.
    assert placed["window_margin_mm"].median() > 10 and placed["outside_window"].gt(0).sum() <= 2
    assert placed["outside_window"].max() < 0.02


def test_a_perfect_prediction_on_the_grid_is_nearly_perfect_on_the_patients_own(cohort):
    scores = []
    for subject in LABELLED:
        native, labels = cohort.native(subject), cohort.label_cine(subject)
        for frame, reference in native.labels.items():
            back = native.grid.labels_from(np.stack([labels[frame] == label for label in range(4)]))
            assert back.shape == reference.shape
            whole = cohort.table.loc[subject, "outside_window"] == 0
            scores += [dice(back == label, reference == label) for label in (LV, MYO, RV) if whole]
    assert np.mean(scores) > 0.98 and min(scores) > 0.93


def test_the_split_keeps_unlabelled_patients_in_training(cohort):
    (split,) = make_splits(cohort.table, SplitSettings(test_fraction=0.3))
    assert len(subjects_of(split, "test")) == 4
    assert len(subjects_of(split, "train", labelled=False)) == 19
    assert len(subjects_of(split, "validation")) == 2 and len(subjects_of(split, "train")) == 27


def test_no_two_patients_look_like_one(cohort):
    assert find_duplicates(cohort, 0.3).empty  # the default of 0.2 has room


def test_exchanged_frames_and_slices_are_told_from_right_ones_on_every_patient(root):
    """What `synthaug.data.check_cine` says of these patients beside its thresholds."""
    dataset = AcdcSettings(layout="acdc", root=str(root))
    images = [
        subject.load().image
        for subject in find_subjects(dataset, root)
        if subject.id[-3:] not in ("081", "082")
    ]
    right = np.array([frames_to_slices(image) for image in images])
    wrong = np.array([frames_to_slices(image.swapaxes(2, 3)) for image in images])
    assert len(images) == 33
    assert right[:, 0].max() <= 0.35 < EXCHANGED_NEIGHBOURS and right[:, 1].max() <= 0.3 < EXCHANGED_ENDS
    assert wrong[:, 0].min() > 2 * EXCHANGED_NEIGHBOURS and wrong[:, 1].min() > 2 * EXCHANGED_ENDS
