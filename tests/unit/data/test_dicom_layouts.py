"""Layouts of DICOM data: what the phantom's writers write, the readers read; contours by hand."""

import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from dicom_heart import cine, edit, files, write
from pydicom.uid import generate_uid
from raw_files import heart

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.findings import SubjectError
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.orientation import orient_cine
from synthaug.data.readers import find_subjects, raw_files
from synthaug.data.readers.contours import pixels_inside, read_contour
from synthaug.data.validate import validate_dataset
from synthaug.labels import LV, MYO, RV, UNLABELLED
from synthaug.phantom import SCANNERS, Simulated, draw_parameters, simulate, write_phantom
from synthaug.phantom.dicom_layouts import write_dsb_subject, write_sunnybrook_subject

GRID = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 32, 32), frames=8)


def settings(layout, **options):
    return parse({"layout": layout, "root": "anywhere", **options}, DatasetSettings)


def one(layout, root, **options):
    (subject,) = find_subjects(settings(layout, **options), root)
    return subject


@pytest.fixture(scope="module")
def scan() -> Simulated:
    """One simulated scan, coarse, begun in the middle of the beat, of the layouts that the phantom writes."""
    scanner = replace(SCANNERS["B"], matrix=72, spacing_mm=(2.6, 2.6), frames=(8, 8))
    scan = simulate(draw_parameters("NOR", np.random.default_rng(1)), scanner, 0)
    turn = 3 - scan.ed_frame
    return replace(
        scan,
        cine=np.roll(scan.cine, turn, axis=0),
        labels=np.roll(scan.labels, turn, axis=0),
        volumes_ml={name: np.roll(values, turn) for name, values in scan.volumes_ml.items()},
        ed_frame=3,
        es_frame=(scan.es_frame + turn) % len(scan.cine),
    )


@pytest.mark.parametrize("layout", ["dicom", "dsb", "sunnybrook", "ukb"])
def test_a_phantom_comes_back(layout, scan, tmp_path, monkeypatch):
    monkeypatch.setattr("synthaug.phantom.simulate", lambda *_: scan)
    root = tmp_path / "raw"
    write_phantom(root, layout, PhantomSettings(subjects=1, vendors=["B"], diagnoses=["NOR"]))
    subject = one(layout, root)
    inputs = raw_files(settings(layout), root)
    assert {file.parent for file in files(root) if file.suffix == ".dcm"} <= set(inputs)
    assert (
        len(inputs) < len(files(root)) / 2 or layout == "ukb"
    )  # folders and archives stand for their images
    assert (subject.vendor, subject.scanner, subject.field_strength_t) == ("B", "Phantom", 1.5)
    raw = subject.load()
    assert raw.findings == [] and raw.frame_duration_s == pytest.approx(scan.frame_duration_s, rel=1e-3)
    oriented = orient_cine(raw, subject.ed_frame, subject.es_frame)
    assert oriented.spacing_mm == pytest.approx(scan.spacing_mm, rel=1e-4)
    # The phantom's arrays are displayed as the canonical orientation is: ED first, the base first.
    stored = np.maximum(np.round(scan.cine / SCANNERS["B"].slope), 0) * SCANNERS["B"].slope
    assert np.array_equal(oriented.cine, np.roll(stored, -scan.ed_frame, axis=0).astype(np.float32))
    es = (scan.es_frame - scan.ed_frame) % len(scan.cine)
    truth = pd.read_csv(root / "ground_truth.tsv", sep="\t").iloc[0]
    assert (truth["ed_frame"], truth["es_frame"]) == (0, es)
    if layout in ("dsb", "ukb"):
        assert oriented.es_frame is None
    else:
        assert oriented.es_frame == es
    if layout == "dsb":
        reported = {"reported_edv_ml": truth["true_lv_edv_ml"], "reported_esv_ml": truth["true_lv_esv_ml"]}
        assert subject.reported == pytest.approx(reported, abs=0.051)  # the table has one decimal
    if layout == "sunnybrook":
        assert (subject.id, subject.diagnosis) == ("SCD0000101", "NOR") and subject.sex in ("F", "M")
        for frame, simulated in ((0, scan.ed_frame), (es, scan.es_frame)):
            expected = scan.labels[simulated]
            for label in (LV, MYO) if frame == 0 else (LV,):
                found = (oriented.labels[frame] == label).sum()
                assert found == pytest.approx((expected == label).sum(), rel=0.02)
            voxel_ml = np.prod(oriented.spacing_mm) / 1000
            lv_ml = (oriented.labels[frame] == LV).sum() * voxel_ml
            assert lv_ml == pytest.approx(scan.label_volume_ml(LV, simulated), rel=0.02)
        assert not (oriented.labels[0] == RV).any() and not (oriented.labels[es] == MYO).any()


def contoured(root):
    """The small heart as Sunnybrook has it, with ED in frame 2 and ES in frame 5 of the array."""
    labels = heart(es=3)[1]
    rolled = np.roll(labels, 2, axis=0)
    write_sunnybrook_subject(
        root, "SCD0000101", "SC-HF-I-01", cine(), {2: rolled[2], 5: rolled[5]}, 2, np.random.default_rng(0)
    )
    return labels


def test_contours_become_the_labels_they_were_drawn_around(tmp_path):
    labels = contoured(tmp_path)
    (tmp_path / "scd_patientdata.csv").write_text(
        "PatientID,OriginalID,Gender,Age,Pathology\nSCD0000101,SC-HF-I-1,Female,61,Heart failure with infarct\n"
    )
    subject = one("sunnybrook", tmp_path)
    assert (subject.sex, subject.age, subject.diagnosis) == ("F", 61, "MINF")
    oriented = orient_cine(subject.load(), None, None)
    assert oriented.es_frame == 3 and sorted(oriented.labels) == [0, 3]
    assert np.array_equal(oriented.labels[0], np.where(labels[0] == RV, 0, labels[0]))
    assert np.array_equal(oriented.labels[3] == LV, labels[3] == LV) and not (oriented.labels[3] == MYO).any()


def test_structures_that_nobody_drew_are_unknown_not_background(tmp_path):
    """LV at ED and ES and MYO at ED are measured; no frame is handed over as labelled, whose RV and ES wall would be 0."""
    labels = contoured(tmp_path / "raw")
    (tmp_path / "raw" / "scd_patientdata.csv").write_text("PatientID,OriginalID\nSCD0000101,SC-HF-I-1\n")
    dataset = settings("sunnybrook", minimum_subjects=1)
    harmonise_dataset("data", dataset, tmp_path / "raw", GRID, tmp_path / "cohort")
    cohort = Cohort.open(tmp_path / "cohort")
    (subject,) = cohort.subjects
    assert cohort.labelled_frames(subject) == [] and cohort.native(subject).labels == {}
    assert (cohort.label_cine(subject) == UNLABELLED).all()
    row = cohort.table.loc[subject]
    voxel_ml = 1.4 * 1.6 * 10 / 1000
    edv, esv = ((labels[frame] == LV).sum() * voxel_ml for frame in (0, 3))
    assert row["lv_edv_ml"] == pytest.approx(edv, rel=1e-4)
    assert row["lv_ef"] == pytest.approx(100 * (1 - esv / edv), rel=1e-4)
    assert row["myo_mass_g"] == pytest.approx(1.05 * (labels[0] == MYO).sum() * voxel_ml, rel=1e-4)
    assert row[["rv_edv_ml", "rv_esv_ml", "rv_ef"]].isna().all()
    assert "labels-partial" in set(read_tsv(tmp_path / "cohort" / "findings.tsv")["code"])
    said = validate_dataset(find_subjects(dataset, tmp_path / "raw"))
    assert "labels-partial" in {finding.code for finding in said}


def test_folders_of_the_challenge_need_no_table(tmp_path):
    contoured(tmp_path)
    (tmp_path / "SCD_IMAGES_01" / "SCD0000101").rename(tmp_path / "SC-HF-I-01")
    subject = one("sunnybrook", tmp_path)
    assert (subject.id, subject.diagnosis) == ("SC-HF-I-01", "MINF") and sorted(subject.load().labels) == [
        0,
        3,
    ]


def test_patients_of_the_table_without_images_are_said(tmp_path):
    contoured(tmp_path)
    (tmp_path / "SCD_IMAGES_01" / "SCD0000101").rename(tmp_path / "SC-HF-I-01")
    rows = "PatientID,OriginalID,Age\nSCD0000101,SC-HF-I-1,61\nSCD0000102,SC-N-2,50\n"
    (tmp_path / "scd_patientdata.csv").write_text(rows)
    first, second = find_subjects(settings("sunnybrook"), tmp_path)
    assert (first.id, first.age, second.id) == ("SC-HF-I-01", 61, "SCD0000102")
    with pytest.raises(SubjectError, match="listed but has no images"):
        second.load()


def test_contours_that_are_wrong_are_said(tmp_path):
    contoured(tmp_path)
    folder = tmp_path / "SCD_ManualContours" / "SC-HF-I-01" / "contours-manual" / "IRCCI-expert"
    inner = sorted(folder.glob("*icontour*"))
    images = {file.name[8:12] for file in (tmp_path / "SCD_IMAGES_01").rglob("*.dcm")}
    free = sorted(images - {file.name[8:12] for file in inner})
    inner[0].rename(inner[0].with_name("IM-0001-9999-icontour-manual.txt"))
    (folder / f"IM-0001-{free[0]}-icontour-manual.txt").write_text(inner[1].read_text())
    (tmp_path / "scd_patientdata.csv").write_text("PatientID,OriginalID\nSCD0000101,SC-HF-I-1\n")
    found = one("sunnybrook", tmp_path).load()
    assert [finding.code for finding in found.findings] == ["contours-unmatched", "contours-stray"]
    assert sorted(found.labels) == [0, 3]
    inner[1].write_text("12.5 nowhere\n")
    with pytest.raises(SubjectError, match="three or more points"):
        one("sunnybrook", tmp_path).load()


def test_pixels_inside_a_contour_by_hand(tmp_path):
    """From 2.5 to 7.5 and 3.5 to 9.5, pixels counted from 1: columns 3 to 7 and rows 4 to 9, 30 pixels."""
    file = tmp_path / "square.txt"
    file.write_text("2.50 3.50\n7.50 3.50\n7.50 9.50\n2.50 9.50\n")
    mask = pixels_inside(read_contour(file), (12, 10), first_pixel=1)
    assert mask.sum() == 30 and mask[3:9, 2:7].all()
    assert pixels_inside(read_contour(file), (12, 10), first_pixel=0)[4:10, 3:8].all()
    # A right triangle with legs of 10 pixels from the corner of a pixel: 9 + 8 + ... + 1 centres and half of 10.
    triangle = np.array([[0.5, 0.5], [10.5, 0.5], [0.5, 10.5]])
    assert 45 <= pixels_inside(triangle, (12, 12), first_pixel=1).sum() <= 55
    file.write_text("1 1\n2 2\n")
    with pytest.raises(ValueError, match="three points"):
        read_contour(file)


def dsb(root, name="7", **header):
    write_dsb_subject(root, name, cine(key=name, **header), np.random.default_rng(0))


def test_data_science_bowl_sets_tables_and_views(tmp_path):
    dsb(tmp_path)
    dsb(tmp_path / "validate", "501")
    (tmp_path / "validate" / "train").rename(tmp_path / "validate" / "validate")
    long_axis = tmp_path / "train" / "7" / "study" / "2ch_21"
    long_axis.mkdir()
    (long_axis / "IMG-0001-00001.dcm").write_bytes(b"not looked at")
    (tmp_path / "train.csv").write_text("Id,Systole,Diastole\n7,60.5,130.25\n8,50,100\n")
    (tmp_path / "validate.csv").write_text("Id,Systole,Diastole\n501,130,60\n")
    first, second, third = find_subjects(settings("dsb"), tmp_path)
    assert (first.id, second.id, third.id) == ("501", "7", "8")
    assert second.reported == {"reported_edv_ml": 130.25, "reported_esv_ml": 60.5} and first.reported == {}
    found = second.load()
    assert found.findings == [] and found.ed_frame == 0 and found.image.shape == (40, 40, 7, 8)
    assert [finding.code for finding in first.findings] == ["dsb-volumes"] and second.findings == ()
    with pytest.raises(SubjectError, match="listed but has no images"):
        third.load()


def test_volumes_with_commas_and_units_and_rows_that_contradict_each_other(tmp_path):
    dsb(tmp_path)
    dsb(tmp_path, "9")
    (tmp_path / "train.csv").write_text('Id;Systole;Diastole\n7;60,5;"0,13025 l"\n9;50;100\n9;50;120\n')
    first, second = find_subjects(settings("dsb"), tmp_path)
    assert first.reported == {"reported_edv_ml": pytest.approx(130.25), "reported_esv_ml": 60.5}
    with pytest.raises(SubjectError, match=r"rows of train\.csv which differ"):
        second.load()


def test_reported_volumes_are_columns_of_the_cohort(tmp_path):
    dsb(tmp_path / "raw")
    dsb(tmp_path / "raw", "9")
    (tmp_path / "raw" / "train.csv").write_text("Id,Systole,Diastole\n7,60.5,130.25\n")
    dataset = settings("dsb", minimum_subjects=1)
    harmonise_dataset("data", dataset, tmp_path / "raw", GRID, tmp_path / "cohort")
    rows = Cohort.open(tmp_path / "cohort").table
    assert tuple(rows.loc["data-7", ["reported_edv_ml", "reported_esv_ml"]]) == (130.25, 60.5)
    assert rows.loc["data-9", ["reported_edv_ml", "reported_esv_ml"]].isna().all()
    assert rows["lv_edv_ml"].isna().all()  # nothing is measured without labels


def test_slices_planned_twice_in_the_data_science_bowl(tmp_path):
    """A slice was repeated as a later series in another folder: the repeat is used."""
    dsb(tmp_path, SeriesTime="100000")
    study = tmp_path / "train" / "7" / "study"
    original = sorted(study.glob("sax_*"))[3]
    again = study / "sax_99"
    again.mkdir()
    for number, file in enumerate(sorted(original.glob("*.dcm"))):
        copy = again / file.name
        copy.write_bytes(file.read_bytes())

        def later(header, number=number):
            header.SeriesTime = "110000"
            header.SeriesInstanceUID = generate_uid(entropy_srcs=["again"])
            header.SOPInstanceUID = generate_uid(entropy_srcs=["again", str(number)])
            header.RescaleIntercept = 7

        edit(copy, later)
    found = one("dsb", tmp_path).load()
    assert [finding.code for finding in found.findings] == ["dicom-slices-repeated"]
    raised = (found.image % 10 == 7).all(axis=(0, 1, 3))
    assert raised.sum() == 1 and found.image.shape[2] == 7


def test_archives_and_folders_of_a_biobank(tmp_path):
    wanted = cine(SeriesDescription="CINE_segmented_SAX_b1")
    inline = cine(key="inline", SeriesDescription="CINE_segmented_SAX_InlineVF")
    written = [*write(tmp_path / "made", wanted), *write(tmp_path / "made", inline, "inline")]
    root = tmp_path / "raw"
    root.mkdir()
    with zipfile.ZipFile(root / "1000017_20209_2_0.zip", "w") as archive:
        for number, file in enumerate(written):
            archive.write(file, f"{number}.dcm")
        archive.writestr("manifest.csv", "filename,date\n")
    (root / "1000025_20209_2_0.zip").write_bytes(b"PK\3\4 cut off")
    write(root / "1000017_20209_3_0", wanted)
    (root / "1000017_20208_2_0.zip").write_bytes(b"another field")
    first, later, damaged = find_subjects(settings("ukb"), root)
    assert (first.id, later.id, damaged.id) == ("1000017-2", "1000017-3", "1000025-2")
    assert (first.patient, later.patient) == ("1000017", "1000017")
    found = first.load()
    assert [finding.code for finding in found.findings] == ["dicom-files-ignored"]  # the manifest
    assert np.array_equal(found.image, later.load().image)
    with pytest.raises(SubjectError, match="no zip archive"):
        damaged.load()
