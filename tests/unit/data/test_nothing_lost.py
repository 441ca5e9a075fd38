"""What a dataset holds is used, or said: files that no subject uses, labels that are none or two, counts that disagree."""

import os

import nibabel as nib
import numpy as np
import pytest
from raw_files import heart, save, write_acdc, write_mnms, write_nifti_folder

from synthaug.config.data import DatasetSettings
from synthaug.core.registry import parse
from synthaug.data.findings import SubjectError
from synthaug.data.load_subject import load_subject
from synthaug.data.readers import find_subjects, ignored_files
from synthaug.data.validate import validate_dataset
from synthaug.labels import LV, MYO, RV


def settings(layout, root):
    return parse({"layout": layout, "root": str(root)}, DatasetSettings)


def subjects(layout, root):
    return find_subjects(settings(layout, root), root)


def codes(layout, root):
    return [finding.code for finding in validate_dataset(subjects(layout, root))]


def unused(layout, root):
    found = ignored_files(settings(layout, root), root, subjects(layout, root))
    return {one.path.relative_to(root).as_posix(): one.reason for one in found}


@pytest.fixture
def cine(tmp_path):
    """A subject 01 of a NIfTI folder, fully labelled."""
    (tmp_path / "subjects.tsv").write_text("subject\ted_frame\tes_frame\n01\t0\t3\n")
    return write_nifti_folder(tmp_path)


def test_images_of_other_names_are_listed(tmp_path, cine):
    (cine.parent / "sub-01_labels.nii.gz").rename(cine.parent / "sub-01_segmentation.nii.gz")
    (tmp_path / "volumes.csv").write_text("subject,edv\n01,120\n")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t60\n")
    (tmp_path / "sub-02").symlink_to("/nowhere")
    assert unused("nifti", tmp_path) == {
        "sub-01/anat/sub-01_segmentation.nii.gz": "not a file of the layout nifti",
        "volumes.csv": "not a file of the layout nifti",
        "participants.tsv": "no subject uses it",  # subjects.tsv is there
        "sub-02": "a link to nothing",
    }


def test_labels_beside_no_cine_are_listed(tmp_path):
    write_mnms(tmp_path)
    folder = tmp_path / "Training" / "Labeled" / "A0S9V9"
    (tmp_path / "labels").mkdir()
    (folder / "A0S9V9_sa_gt.nii.gz").rename(tmp_path / "labels" / "A0S9V9_sa_gt.nii.gz")
    assert unused("mnms", tmp_path) == {"labels/A0S9V9_sa_gt.nii.gz": "no subject uses it"}


def test_files_of_a_refused_subject_are_not_listed_again(tmp_path, cine):
    (tmp_path / "subjects.tsv").write_text("subject\ted_frame\n01\tinf\n")
    assert codes("nifti", tmp_path) == ["frames-unread"] and unused("nifti", tmp_path) == {}
    (write_acdc(tmp_path / "acdc") / "Info.cfg").unlink()
    assert codes("acdc", tmp_path / "acdc") == ["table-missing"] and unused("acdc", tmp_path / "acdc") == {}


def test_two_files_of_labels_agree_or_are_refused(tmp_path, cine):
    labels = heart()[1]
    again = cine.parent / "sub-01_frame-03_labels.nii.gz"
    save(again, labels[3].T, dtype=np.uint8)
    assert codes("nifti", tmp_path) == []
    save(again, np.roll(labels[3].T, 1, axis=0), dtype=np.uint8)
    assert codes("nifti", tmp_path) == ["labels-twice"]


def test_labels_without_a_label_are_said(tmp_path, cine):
    save(cine.parent / "sub-01_labels.nii.gz", np.zeros_like(heart()[1].T), dtype=np.uint8)
    assert codes("nifti", tmp_path) == ["labels-empty"]


def test_labels_of_one_frame_without_a_label_are_said_and_label_nothing(tmp_path, cine):
    (cine.parent / "sub-01_labels.nii.gz").unlink()
    save(cine.parent / "sub-01_frame-00_labels.nii.gz", heart()[1][0].T, dtype=np.uint8)
    save(cine.parent / "sub-01_frame-03_labels.nii.gz", np.zeros_like(heart()[1][0].T), dtype=np.uint8)
    found = load_subject(subjects("nifti", tmp_path)[0])
    assert list(found.labels) == [0]
    assert [finding.problem for finding in found.findings] == [
        "sub-01_frame-03_labels.nii.gz labels nothing in frame 4"
    ]


def test_a_labelled_frame_that_the_cine_lacks_is_not_called_ed(tmp_path, cine):
    save(cine.parent / "sub-01_frame-99_labels.nii.gz", heart()[1][0].T, dtype=np.uint8)
    (finding,) = validate_dataset(subjects("nifti", tmp_path))
    assert finding.code == "frame-missing" and finding.problem == "labels frame 100 of a cine with 8 frames"


def test_what_acdc_says_twice_or_otherwise(tmp_path):
    folder = write_acdc(tmp_path)
    info = (folder / "Info.cfg").read_text()
    (folder / "Info.cfg").write_text(info.replace("NbFrame: 8", "NbFrame: 30"))
    assert codes("acdc", tmp_path) == ["frames-differ"]
    (folder / "Info.cfg").write_text(info + "ED: 3\n")
    assert codes("acdc", tmp_path) == []
    (folder / "patient001_frame06_gt.nii.gz").unlink()
    assert codes("acdc", tmp_path) == ["frame-unlabelled"]
    (folder / "Info.cfg").write_text(info + "ED: 4\n")
    with pytest.raises(SubjectError, match="has ED twice, as '3' and '4'"):
        load_subject(subjects("acdc", tmp_path)[0])


def test_a_structure_that_many_frames_lack_is_one_line(tmp_path, cine):
    without = np.where(heart()[1] == RV, 0, heart()[1])
    save(cine.parent / "sub-01_labels.nii.gz", without.T, dtype=np.uint8)
    (finding,) = validate_dataset(subjects("nifti", tmp_path))
    assert finding.problem == "no RV at ED, ES and 6 other labelled frames"


def test_labels_beside_the_heart_are_noticed_without_harmonising(tmp_path, cine):
    moved = np.roll(heart()[1].T, 8, axis=0)
    save(cine.parent / "sub-01_labels.nii.gz", moved, dtype=np.uint8)
    assert "contrast-low" in codes("nifti", tmp_path)
    image = np.asarray(nib.load(cine).dataobj)
    assert float(np.median(image[moved == LV]) - np.median(image[moved == MYO])) <= 0


def test_an_id_means_the_folder_of_its_own_name(tmp_path):
    for name in ("1", "01"):
        write_nifti_folder(tmp_path, name)
    (tmp_path / "subjects.tsv").write_text("subject\tage\n1\t60\n01\t70\n")
    assert {subject.id: subject.age for subject in subjects("nifti", tmp_path)} == {"1": 60, "01": 70}
    (tmp_path / "subjects.tsv").write_text("subject\tage\n001\t60\n")  # which of the two?
    assert sorted(codes("nifti", tmp_path)) == ["listed-only", "unlisted", "unlisted"]


def test_a_pipe_is_not_waited_for(tmp_path, cine):
    cine.unlink()
    os.mkfifo(cine)
    assert codes("nifti", tmp_path) == ["file-format"]
