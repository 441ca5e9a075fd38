import gzip
import pickle
import shutil

import nibabel as nib
import numpy as np
import pytest
from raw_files import ACDC_NUMBERS, N_FRAMES, affine, heart, save, write_acdc, write_mnms, write_nifti_folder

from synthaug.config.data import DatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.findings import SubjectError
from synthaug.data.load_subject import load_subject
from synthaug.data.readers import find_subjects, ignored_files, raw_files
from synthaug.data.validate import validate_dataset
from synthaug.labels import LV, MYO, RV


def settings(layout, **options):
    return parse({"layout": layout, "root": "anywhere", **options}, DatasetSettings)


def one(layout, root, **options):
    (subject,) = find_subjects(settings(layout, **options), root)
    return subject


def refused(layout, root, **options) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        one(layout, root, **options).load()
    assert "\n" not in str(caught.value) and caught.value.remedy
    return caught.value


def test_acdc_metadata_frames_and_labels(tmp_path):
    write_acdc(tmp_path, group="HCM")
    subject = one("acdc", tmp_path, vendor="Siemens")
    assert (subject.id, subject.diagnosis, subject.vendor, subject.height_cm) == (
        "patient001",
        "HCM",
        "Siemens",
        180,
    )
    assert subject.weight_kg is None  # 0 in the file: unknown
    assert (subject.ed_frame, subject.es_frame) == (2, 5)
    cine = subject.load()
    assert cine.image.shape[3] == N_FRAMES and sorted(cine.labels) == [2, 5]
    assert np.array_equal(cine.labels[2].T, heart()[1][0])  # ACDC's 1 and 3 are exchanged
    assert cine.voxel_size_mm == (1.5, 1.5, 10) and cine.findings == []


def test_acdc_spacing_is_taken_from_the_frames_and_said(tmp_path):
    folder = write_acdc(tmp_path)
    save(folder / "patient001_4d.nii.gz", np.roll(heart()[0], 2, axis=0).T, affine(voxel=(1, 1, 1)))
    cine = one("acdc", tmp_path).load()
    assert cine.voxel_size_mm == (1.5, 1.5, 10)
    (finding,) = cine.findings
    assert "lost" in finding.problem and "patient001_frame03.nii.gz" in finding.remedy


def test_acdc_spacing_lost_everywhere_is_refused_unless_declared(tmp_path):
    folder = write_acdc(tmp_path, labelled=False)
    save(folder / "patient001_4d.nii.gz", heart()[0].T, affine(voxel=(1, 1, 1)))
    error = refused("acdc", tmp_path)
    assert "voxel size was lost" in error.problem and error.file.endswith("patient001_4d.nii.gz")
    cine = one("acdc", tmp_path, spacing_mm=(8, 1.25, 1.5)).load()
    assert cine.voxel_size_mm == (1.5, 1.25, 8) and "study declares" in cine.findings[0].remedy


@pytest.mark.parametrize("second", [(0, 1, 0), (0, -1, 0)])
def test_acdc_second_axis_follows_the_first(tmp_path, second):
    folder = write_acdc(tmp_path, labelled=False)
    save(folder / "patient001_4d.nii.gz", heart()[0].T, affine(y=second))
    assert np.allclose(one("acdc", tmp_path).load().affine[:3, :2].T, [(-1.5, 0, 0), (0, -1.5, 0)])


def test_acdc_missing_info_names_subject_file_and_remedy(tmp_path):
    (write_acdc(tmp_path) / "Info.cfg").unlink()
    error = refused("acdc", tmp_path)
    assert error.subject == "patient001" and error.file.endswith("Info.cfg") and "restore" in error.remedy


def test_acdc_without_phases_can_be_read(tmp_path):
    folder = write_acdc(tmp_path, labelled=False)
    (folder / "Info.cfg").write_text("Group: NOR\n")
    subject = one("acdc", tmp_path)
    assert subject.ed_frame is None and subject.load().labels == {}


def test_acdc_ed_frame_out_of_range(tmp_path):
    folder = write_acdc(tmp_path)
    (folder / "Info.cfg").write_text("ED: 9\nES: 6\nGroup: DCM\n")
    error = refused("acdc", tmp_path)
    assert error.problem == "the ED frame is number 9 of a cine with 8 frames" and error.file.endswith(
        "Info.cfg"
    )


def test_labels_of_another_shape_or_value_are_refused(tmp_path):
    folder = write_acdc(tmp_path)
    gt = folder / "patient001_frame03_gt.nii.gz"
    save(gt, np.ones((40, 39, 7)), dtype=np.uint8)
    error = refused("acdc", tmp_path)
    assert error.file == str(gt) and "(40, 39, 7), the cine has (40, 40, 7)" in error.problem
    save(gt, np.full((40, 40, 7), 4), dtype=np.uint8)
    assert "holds label 4" in refused("acdc", tmp_path).problem


def test_a_nan_image_and_a_truncated_one_name_themselves(tmp_path):
    folder = write_acdc(tmp_path)
    cine = folder / "patient001_4d.nii.gz"
    image = heart()[0].T.copy()
    image[0, 0, 0, 0] = np.nan
    save(cine, image, dtype=np.float32)
    error = refused("acdc", tmp_path)
    assert (error.subject, error.file) == ("patient001", str(cine)) and "not finite" in error.problem
    write_acdc(tmp_path)
    cine.write_bytes(cine.read_bytes()[:-500])
    assert "truncated" in refused("acdc", tmp_path).problem


def test_an_unknown_root_and_a_wrong_layout_are_refused(tmp_path):
    with pytest.raises(SynthaugError, match="nowhere: the dataset's root does not exist"):
        find_subjects(settings("acdc"), tmp_path / "nowhere")
    with pytest.raises(SynthaugError, match="does not exist"):
        raw_files(settings("acdc"), tmp_path / "nowhere")
    write_acdc(tmp_path)
    with pytest.raises(SynthaugError, match="0 tables"):
        find_subjects(settings("mnms"), tmp_path)
    with pytest.raises(SynthaugError, match="no file in the layout mnms"):
        raw_files(settings("mnms"), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SynthaugError, match="no subject in the layout acdc"):
        find_subjects(settings("acdc"), tmp_path / "empty")


def test_one_id_twice_excludes_that_subject_with_both_files(tmp_path):
    shutil.copytree(write_acdc(tmp_path), tmp_path / "testing" / "patient001")
    write_acdc(tmp_path, "patient002")
    twice, other = find_subjects(settings("acdc"), tmp_path)
    with pytest.raises(SubjectError, match="patient001") as caught:
        twice.load()
    assert "training" in str(caught.value) and "testing" in str(caught.value)
    assert other.load().labels


def test_links_are_followed_and_a_second_name_of_a_folder_is_ignored(tmp_path):
    write_acdc(tmp_path / "store")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "training").symlink_to(tmp_path / "store" / "training")
    (tmp_path / "raw" / "zz").symlink_to(tmp_path / "store" / "training")
    subjects = find_subjects(settings("acdc"), tmp_path / "raw")
    (ignored,) = ignored_files(settings("acdc"), tmp_path / "raw", subjects)
    assert subjects[0].load().labels and ignored.path.name == "zz" and "another name" in ignored.reason


def test_mnms_metadata_and_sparse_labels(tmp_path):
    write_mnms(tmp_path)
    subject = one("mnms", tmp_path)
    assert (subject.vendor, subject.centre, subject.diagnosis, subject.sex) == ("Philips", "2", "RV", "F")
    assert (subject.age, subject.height_cm, subject.weight_kg) == (61, None, 80)
    assert (subject.ed_frame, subject.es_frame) == (2, 5)
    cine = subject.load()
    assert sorted(cine.labels) == [2, 5]  # all other frames are empty: nobody annotated them
    assert set(np.unique(cine.labels[2])) == {0, LV, MYO, RV}
    assert np.array_equal(cine.labels[5].T, heart()[1][3])


def test_mnms_rows_and_folders_that_do_not_meet_are_said(tmp_path):
    write_mnms(tmp_path, extra_rows="B1,GE,C,3,0,4,50,NOR,M,170,70\n")
    save(tmp_path / "Testing" / "C2" / "C2_sa.nii.gz", heart()[0].T)
    problems = {
        finding.subject: finding.problem
        for finding in validate_dataset(find_subjects(settings("mnms"), tmp_path))
    }
    assert problems == {
        "B1": "is listed but has no cine",
        "C2": "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv does not list it",
    }


def test_mnms_id_listed_twice_is_refused(tmp_path):
    write_mnms(tmp_path, extra_rows="A0S9V9,GE,C,3,0,4,50,NOR,M,170,70\n")
    (subject,) = find_subjects(settings("mnms"), tmp_path)
    with pytest.raises(SubjectError, match=r"A0S9V9 stands in rows of .* which differ"):
        subject.load()


def test_an_id_that_is_no_file_name_is_refused(tmp_path):
    write_mnms(tmp_path, extra_rows="../../etc,GE,C,3,0,4,50,NOR,M,170,70\n")
    subject = find_subjects(settings("mnms"), tmp_path)[0]
    with pytest.raises(SubjectError, match="id is not allowed"):
        subject.load()


def write_mnms2(root, cine=True):
    image, labels = heart()
    folder = root / "dataset" / "001"
    for phase, frame in (("ED", 0), ("ES", 3)):
        save(folder / f"001_SA_{phase}.nii.gz", image[frame].T)
        save(folder / f"001_SA_{phase}_gt.nii.gz", labels[frame].T, dtype=np.float64)
    if cine:
        save(folder / "001_SA_CINE.nii.gz", np.roll(image, 2, axis=0).T)
    rows = "SUBJECT_CODE,DISEASE,VENDOR,SCANNER,FIELD\n1,ARV,Philips Medical Systems,Achieva,1.5\n"
    (root / "dataset_information.csv").write_text(rows)


def test_mnms2_finds_the_phases_in_the_cine(tmp_path):
    write_mnms2(tmp_path)
    subject = one("mnms2", tmp_path)
    assert (subject.id, subject.vendor, subject.scanner) == ("001", "Philips", "Achieva")
    assert (subject.field_strength_t, subject.diagnosis) == (1.5, "RV")
    cine = subject.load()
    assert (cine.ed_frame, cine.es_frame) == (2, 5)
    assert np.array_equal(cine.labels[5].T, heart()[1][3])


def test_mnms2_phases_that_show_one_frame_are_refused(tmp_path):
    write_mnms2(tmp_path)
    folder = tmp_path / "dataset" / "001"
    shutil.copy(folder / "001_SA_ED.nii.gz", folder / "001_SA_ES.nii.gz")
    with pytest.raises(SubjectError) as caught:
        load_subject(one("mnms2", tmp_path))
    assert caught.value.code == "labels-twice"
    shutil.copy(folder / "001_SA_ED_gt.nii.gz", folder / "001_SA_ES_gt.nii.gz")
    with pytest.raises(SubjectError) as caught:
        load_subject(one("mnms2", tmp_path))
    assert caught.value.code == "frames-equal"


def test_mnms2_frames_of_another_scan_are_refused(tmp_path):
    write_mnms2(tmp_path)
    save(tmp_path / "dataset" / "001" / "001_SA_ES.nii.gz", heart()[0][0].T[::-1])
    assert "no frame of the cine" in refused("mnms2", tmp_path).problem


def test_mnms2_without_a_cine_is_refused(tmp_path):
    write_mnms2(tmp_path, cine=False)
    error = refused("mnms2", tmp_path)
    assert "only the ED and ES frames" in error.problem and "_SA_CINE" in error.remedy


def test_nifti_folder_with_own_columns_and_labels(tmp_path):
    write_nifti_folder(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tMaker\tES\nsub-01\tGE MEDICAL SYSTEMS\t3\n")
    subject = one(
        "nifti",
        tmp_path,
        columns={"vendor": "Maker", "es_frame": "ES"},
        label_map={1: "RV", 2: "MYO", 3: "LV"},
    )
    assert (subject.id, subject.vendor, subject.es_frame, subject.ed_frame) == ("01", "GE", 3, None)
    cine = subject.load()
    assert len(cine.labels) == N_FRAMES
    assert np.array_equal(cine.labels[4].T, np.vectorize(ACDC_NUMBERS.get)(heart()[1][4]))


def test_nifti_sessions_are_visits_of_one_patient(tmp_path):
    for session in ("a", "b"):
        write_nifti_folder(tmp_path, session=session)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    subjects = find_subjects(settings("nifti"), tmp_path)
    assert [(subject.id, subject.patient) for subject in subjects] == [("01-a", "01"), ("01-b", "01")]


def test_a_patient_is_one_however_the_table_writes_it(tmp_path):
    for name in ("007", "b", "c", "d"):
        write_nifti_folder(tmp_path, name)
    rows = "subject\tpatient\n7\t\nb\tsub-b\nc\t7\nsub-d\tb\n"
    (tmp_path / "subjects.tsv").write_text(rows)
    found = find_subjects(settings("nifti"), tmp_path)
    assert {subject.id: subject.patient for subject in found} == {
        "007": "007", "b": "b", "c": "007", "d": "b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cine_name", "labels_name"),
    [("cine", "labels"), ("a-cine", "a-labels"), ("b_CINE", "b_Labels"), ("c cine", "c.labels")],
)
def test_the_last_word_of_a_name_says_what_a_file_is(tmp_path, cine_name, labels_name):
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    (cine.parent / "sub-01_labels.nii.gz").rename(cine.parent / f"{labels_name}.nii.gz")
    cine.rename(cine.parent / f"{cine_name}.nii.gz")
    save(cine.parent / "oldcine.nii.gz", heart()[0].T)  # of another name: not read
    subject = one("nifti", tmp_path)
    assert len(subject.load().labels) == N_FRAMES
    assert set(subject.files) <= set(raw_files(settings("nifti"), tmp_path))


def test_nifti_labels_of_single_frames(tmp_path):
    cine = write_nifti_folder(tmp_path)
    (cine.parent / "sub-01_labels.nii.gz").unlink()
    save(cine.parent / "sub-01_frame-3_labels.nii.gz", heart()[1][3].T, dtype=np.uint8)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    assert list(one("nifti", tmp_path).load().labels) == [3]


def test_nifti_table_without_a_mapped_column(tmp_path):
    write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    with pytest.raises(SynthaugError, match="no column 'Maker'; it has subject"):
        find_subjects(settings("nifti", columns={"vendor": "Maker"}), tmp_path)


def test_subjects_cross_process_pools(tmp_path):
    folder = write_acdc(tmp_path)
    subject = pickle.loads(pickle.dumps(one("acdc", tmp_path)))
    assert np.array_equal(subject.load().image, one("acdc", tmp_path).load().image)
    (folder / "Info.cfg").unlink()
    with pytest.raises(SubjectError, match=r"Info\.cfg is missing"):
        pickle.loads(pickle.dumps(one("acdc", tmp_path))).load()


def test_raw_files_are_what_the_readers_read(tmp_path):
    write_acdc(tmp_path / "acdc")
    write_mnms(tmp_path / "mnms")
    write_mnms2(tmp_path / "mnms2")
    write_nifti_folder(tmp_path / "nifti")
    (tmp_path / "nifti" / "subjects.tsv").write_text("subject\n01\n")
    for layout in ("acdc", "mnms", "mnms2", "nifti"):
        listed = raw_files(settings(layout), tmp_path / layout)
        assert set(one(layout, tmp_path / layout).files) <= set(listed) and listed == sorted(listed)


def test_validate_says_each_thing_once_and_is_silent_on_clean_data(tmp_path):
    write_acdc(tmp_path)
    assert validate_dataset(find_subjects(settings("acdc"), tmp_path)) == []
    (write_acdc(tmp_path, "patient002") / "Info.cfg").unlink()
    (finding,) = validate_dataset(find_subjects(settings("acdc"), tmp_path))
    assert str(finding).startswith("patient002: ") and str(finding).count("; ") == 1


def test_acdc_labels_follow_the_image_of_their_frame(tmp_path):
    folder = write_acdc(tmp_path)  # frames 3 and 6, counted from 1
    for end in ("", "_gt"):
        (folder / f"patient001_frame06{end}.nii.gz").rename(folder / f"patient001_frame07{end}.nii.gz")
    cine = one("acdc", tmp_path).load()
    assert sorted(cine.labels) == [2, 5]
    assert [finding.code for finding in cine.findings] == ["frame-image-moved"]


def test_acdc_frames_whose_affine_has_another_origin_are_taken_by_their_voxels(tmp_path):
    folder = write_acdc(tmp_path)
    before = one("acdc", tmp_path).load()
    elsewhere = affine()
    elsewhere[:3, 3] = 50
    for file in folder.glob("*_frame*"):
        save(file, nib.load(file).get_fdata(), elsewhere)
    after = one("acdc", tmp_path).load()
    assert after.findings == [] and all(
        np.array_equal(before.labels[frame], after.labels[frame]) for frame in (2, 5)
    )


def test_acdc_labels_stored_otherwise_than_their_image_are_brought_to_it(tmp_path):
    folder = write_acdc(tmp_path)
    before = one("acdc", tmp_path).load()
    mirrored = affine()
    mirrored[0] = [1.5, 0, 0, -1.5 * 39]
    file = folder / "patient001_frame03_gt.nii.gz"
    save(file, nib.load(file).get_fdata()[::-1], mirrored)
    after = one("acdc", tmp_path).load()
    assert np.array_equal(before.labels[2], after.labels[2])
    assert [finding.code for finding in after.findings] == ["labels-aligned"]


def test_labels_in_another_order_say_the_same_voxel_size(tmp_path):
    """Pixels of 1.2 x 1.5 mm of a square matrix, labels stored (y, x, z): their first axis has 1.5 mm."""
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    image, labels = heart()
    grid = affine(voxel=(1.2, 1.5, 10))
    save(cine, image.T, grid)
    (cine.parent / "sub-01_labels.nii.gz").unlink()
    for frame in (0, 3):
        exchanged = grid[:, [1, 0, 2, 3]]
        file = cine.parent / f"sub-01_frame-{frame}_labels.nii.gz"
        save(file, labels[frame].T.swapaxes(0, 1), exchanged, dtype=np.uint8)
    found = one("nifti", tmp_path).load()
    assert found.voxel_size_mm == pytest.approx((1.2, 1.5, 10))
    assert [finding.code for finding in found.findings] == ["labels-aligned"] * 2
    assert all(np.array_equal(found.labels[frame].T, labels[frame]) for frame in (0, 3))


def test_mnms2_frames_in_another_order_say_the_same_voxel_size(tmp_path):
    write_mnms2(tmp_path)
    grid = affine(voxel=(1.2, 1.5, 10))
    for file in (tmp_path / "dataset" / "001").iterdir():
        content = np.asarray(nib.load(file).dataobj)
        if "CINE" in file.name:
            save(file, content, grid)
        else:
            save(file, content.swapaxes(0, 1), grid[:, [1, 0, 2, 3]])
    found = one("mnms2", tmp_path).load()
    assert found.voxel_size_mm == pytest.approx((1.2, 1.5, 10)) and (found.ed_frame, found.es_frame) == (2, 5)
    assert np.array_equal(found.labels[5].T, heart()[1][3])


def test_files_may_be_uncompressed(tmp_path):
    write_mnms(tmp_path)
    before = one("mnms", tmp_path).load()
    for file in tmp_path.rglob("*.nii.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    after = one("mnms", tmp_path).load()
    assert np.array_equal(before.image, after.image) and sorted(after.labels) == [2, 5]


def test_labels_of_further_structures_may_be_background(tmp_path):
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    labels = heart()[1].copy()
    labels[:, :, :3, :3] = 4
    save(cine.parent / "sub-01_labels.nii.gz", labels.T, dtype=np.uint8)
    assert "background" in refused("nifti", tmp_path).remedy
    mapped = {1: "LV", 2: "MYO", 3: "RV", 4: "background"}
    read = one("nifti", tmp_path, label_map=mapped).load().labels[0]
    assert np.array_equal(read.T, heart()[1][0])


def test_labels_off_by_rounding_are_whole(tmp_path):
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    save(cine.parent / "sub-01_labels.nii.gz", heart()[1].T + 0.002, dtype=np.float32)
    assert np.array_equal(one("nifti", tmp_path).load().labels[0].T, heart()[1][0])


def test_one_volume_of_labels_must_say_its_frame(tmp_path):
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    save(cine.parent / "sub-01_labels.nii.gz", heart()[1][0].T, dtype=np.uint8)
    assert "frame-05" in refused("nifti", tmp_path).remedy


def test_a_table_with_a_row_a_session(tmp_path):
    for session in ("a", "b"):
        write_nifti_folder(tmp_path, session=session)
    rows = "participant_id\tsession_id\tage\nsub-01\tses-a\t60\nsub-01\tses-b\t61\n"
    (tmp_path / "participants.tsv").write_text(rows)
    found = find_subjects(settings("nifti"), tmp_path)
    assert [(subject.id, subject.patient, subject.age) for subject in found] == [
        ("01-a", "01", 60),
        ("01-b", "01", 61),
    ]


def test_rows_of_one_subject_that_differ_exclude_it_only(tmp_path):
    write_nifti_folder(tmp_path)
    write_nifti_folder(tmp_path, "02")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t60\nsub-01\t61\nsub-02\t50\n")
    first, second = find_subjects(settings("nifti"), tmp_path)
    assert second.age == 50 and second.load().labels
    with pytest.raises(SubjectError, match="stands in rows"):
        first.load()


def test_rows_that_differ_are_found_with_and_without_prefix(tmp_path):
    write_nifti_folder(tmp_path, "001")
    (tmp_path / "subjects.tsv").write_text("subject\tdiagnosis\n001\tNOR\nsub-001\tDCM\n")
    assert refused("nifti", tmp_path).code == "row-twice"
    rows = "subject\tsession_id\tdiagnosis\n001\t1\tNOR\n001\tses-1\tDCM\n"
    (tmp_path / "subjects.tsv").write_text(rows)
    assert refused("nifti", tmp_path).code == "row-twice"
    (tmp_path / "subjects.tsv").write_text("subject\tdiagnosis\n001\tNOR\nsub-001\tNOR\n")
    assert one("nifti", tmp_path).diagnosis == "NOR"


def test_spreadsheets_that_ate_the_zeros_of_ids(tmp_path):
    write_nifti_folder(tmp_path, "001")
    (tmp_path / "subjects.tsv").write_text("subject\tage\n1.0\t61\n")
    assert (one("nifti", tmp_path).id, one("nifti", tmp_path).age) == ("001", 61)


def test_headers_without_or_with_two_orientations_are_said(tmp_path):
    cine = write_nifti_folder(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\n01\n")
    for code, said in ((0, "orientation-unknown"), (1, "orientation-disagrees")):
        image = nib.load(cine)
        content = np.asarray(image.dataobj)
        changed = nib.Nifti1Image(content, None, image.header)
        changed.set_sform(affine() if code else None, code)
        changed.set_qform(affine(x=(0, -1, 0), y=(1, 0, 0)) if code else None, code)
        nib.save(changed, cine)
        assert [finding.code for finding in one("nifti", tmp_path).load().findings] == [said]
