"""DICOM files to one cine: the order comes from headers, and whatever is wrong is said."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from dicom_heart import STEP_MS, at_world, cine, edit, files, long_axis, of_slice, write
from hypothesis import HealthCheck, given, settings, strategies
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless, RLELossless

from synthaug.config.data import DatasetSettings
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.findings import SubjectError
from synthaug.data.load_subject import load_subject
from synthaug.data.readers import find_subjects
from synthaug.data.readers.dicom_subject import age_in_years
from synthaug.phantom.dicom_layouts import write_dicom_subject
from synthaug.phantom.dicom_writer import write_enhanced


def subjects(root, **options):
    return find_subjects(parse({"layout": "dicom", "root": str(root), **options}, DatasetSettings), root)


def read(root, **options):
    (subject,) = subjects(root, **options)
    return subject.load()


def refused(root, **options) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        read(root, **options)
    assert "\n" not in str(caught.value) and caught.value.remedy
    return caught.value


def codes(found) -> list[str]:
    return [finding.code for finding in found.findings]


def grid_points(scan) -> np.ndarray:
    """World positions (n, 3) of all voxels of a scan, x fastest."""
    z, y, x = np.indices(scan.cine.shape[1:]).reshape(3, -1)
    return (scan.affine @ np.stack([x, y, z, np.ones_like(x)]))[:3].T


def equal(found, scan, frames=None) -> bool:
    """Whether a cine has the scan's voxels where they lie in the patient, ED first."""
    expected = scan.cine[np.argsort(scan.trigger_ms)].reshape(len(scan.cine), -1).T
    return np.array_equal(at_world(found.image, found.affine, grid_points(scan)), expected)


def test_classic_files_in_any_order_are_the_cine_where_it_lies_in_the_patient(tmp_path):
    write(tmp_path)
    found = read(tmp_path)
    assert found.findings == [] and equal(found, cine())
    assert found.voxel_size_mm == pytest.approx((1.4, 1.6, 10.0))
    assert np.linalg.det(found.affine[:3, :3]) > 0
    assert found.frame_duration_s == pytest.approx(STEP_MS / 1000)
    # The stored order of slices is that of the normal, from the apex: its first slice is the phantom's last one.
    assert np.allclose(found.affine[:3, 3], (cine().affine @ [0, 0, 6, 1])[:3], atol=1e-3)


def visits(root):
    """Patient and codes of the findings of each subject, by its id."""
    return {
        subject.id: (subject.patient, [finding.code for finding in subject.findings])
        for subject in subjects(root)
    }


def test_folders_of_one_patient_id_are_visits_of_one_patient(tmp_path):
    for name, told in (("scan-a1", "PAT77"), ("scan-a2", "PAT77"), ("scan-b", "PAT78"), ("scan-c", "")):
        write(tmp_path, cine(PatientID=told), name)
    found = visits(tmp_path)
    assert found["scan-a1"] == found["scan-a2"] == ("scan-a1", ["dicom-visits"])
    assert found["scan-b"] == found["scan-c"] == ("", [])
    assert all("PAT77" not in str(finding) for subject in subjects(tmp_path) for finding in subject.findings)
    # The table takes precedence, for the other visit too.
    (tmp_path / "subjects.tsv").write_text("subject\tpatient\nscan-a1\tsub-anna\nscan-b\tb\n")
    assert [patient for patient, _ in visits(tmp_path).values()] == ["anna", "anna", "b", ""]


def test_one_patient_id_of_all_folders_is_a_constant(tmp_path):
    for name in ("a", "b"):
        write(tmp_path, cine(PatientID="ANON"), name)
    assert visits(tmp_path) == dict.fromkeys("ab", ("a", ["dicom-visits"]))
    write(tmp_path, cine(PatientID="ANON"), "c")
    assert visits(tmp_path) == dict.fromkeys("abc", ("", ["dicom-patient-constant"]))
    (tmp_path / "subjects.tsv").write_text("subject\tpatient\na\tp1\nb\tp1\n")
    assert visits(tmp_path) == {"a": ("p1", []), "b": ("p1", []), "c": ("", ["dicom-patient-constant"])}


def test_rows_that_contradict_each_other_exclude_their_folder(tmp_path):
    write(tmp_path)
    (tmp_path / "subjects.tsv").write_text("subject\ted_frame\ncase1\t0\nsub-case1\t3\n")
    assert refused(tmp_path).code == "row-twice"


def test_an_enhanced_file_is_the_same_cine(tmp_path):
    scan = cine()
    write(tmp_path / "classic", scan)
    order = np.random.default_rng(0).permutation(scan.cine.shape[0] * scan.cine.shape[1])
    write_enhanced(scan, tmp_path / "enhanced" / "case1" / "one", list(order))
    classic, enhanced = read(tmp_path / "classic"), read(tmp_path / "enhanced")
    assert enhanced.findings == [] and np.array_equal(classic.image, enhanced.image)
    assert (
        np.allclose(classic.affine, enhanced.affine) and enhanced.frame_duration_s == classic.frame_duration_s
    )


def test_metadata_of_headers_and_table(tmp_path):
    header = {"PatientSex": "F", "PatientAge": "061Y", "PatientSize": "1.7", "PatientWeight": "65"}
    write(tmp_path, cine(**header))
    (subject,) = subjects(tmp_path)
    assert (subject.id, subject.vendor, subject.scanner, subject.field_strength_t) == (
        "case1",
        "Siemens",
        "Aera",
        1.5,
    )
    assert (subject.sex, subject.age, subject.height_cm, subject.weight_kg) == ("F", 61, 170, 65)
    assert subject.ed_frame is None
    (tmp_path / "subjects.tsv").write_text(
        "subject\tage\tED\tes_frame\tdiagnosis\nsub-case1\t62\t0\t3\tARV\n"
    )
    (subject,) = subjects(tmp_path, columns={"ed_frame": "ED"})
    assert (subject.age, subject.ed_frame, subject.es_frame, subject.diagnosis) == (62, 0, 3, "RV")
    (tmp_path / "subjects.tsv").write_text("subject\tes_frame\ncase1\t8\ncase2\t\n")
    listed = subjects(tmp_path)
    with pytest.raises(SubjectError, match="frame is number 9 of a cine with 8 frames"):
        listed[0].load()
    with pytest.raises(SubjectError, match="listed but has no folder"):
        listed[1].load()


def test_ages_and_units_of_headers(tmp_path):
    assert [age_in_years(value) for value in ("061Y", "018M", "026W", "000D", "61", "", None)] == [
        61, 1.5, pytest.approx(0.498, abs=1e-3), None, None, None, None,
    ]  # fmt: skip
    write(tmp_path, cine(PatientSize="170", MagneticFieldStrength="15000", PatientSex="M "))
    (subject,) = subjects(tmp_path)
    assert (subject.height_cm, subject.field_strength_t, subject.sex, subject.age) == (170, 1.5, "M", None)
    write(tmp_path, cine(PatientSize="1700", PatientWeight="80000", PatientAge="999Y"))
    (subject,) = subjects(tmp_path)
    assert (subject.height_cm, subject.weight_kg, subject.age) == (170, 80, None)


def test_long_axes_and_localisers_are_left_out(tmp_path):
    write(tmp_path)
    long_axis(tmp_path)
    found = read(tmp_path)
    assert equal(found, cine()) and codes(found) == ["dicom-left-out"]
    assert "15 images" in found.findings[0].problem  # 8 frames of a long axis, 7 slices of a localiser
    assert codes(read(tmp_path, series="^cine short")) == []
    assert refused(tmp_path, series="perfusion").code == "dicom-series-missing"


def test_another_visit_and_pictures_are_said(tmp_path):
    write(tmp_path)
    visit = cine(key="visit 2", StudyInstanceUID="1.2.3.4")
    write_dicom_subject(tmp_path / "case1", "second", visit, np.random.default_rng(4))
    (finding,) = read(tmp_path).findings
    assert finding.problem == "beside the stack lie 56 images of another visit in the planes of the stack"

    def colour(header):
        header.SamplesPerPixel, header.PhotometricInterpretation = 3, "RGB"

    edit(files(tmp_path / "case1")[0], colour)
    assert any("1 files hold colour pictures" in finding.problem for finding in read(tmp_path).findings)


def test_long_axes_alone_are_no_stack(tmp_path):
    write(tmp_path)
    long_axis(tmp_path)
    for file in (tmp_path / "case1" / "DICOM").rglob("IM*"):
        file.unlink()
    assert refused(tmp_path).code == "dicom-no-stack"


def test_other_files_are_listed_and_dicomdir_is_not(tmp_path):
    write(tmp_path)
    (tmp_path / "case1" / "notes.txt").write_text("breath holds were poor")
    (tmp_path / "case1" / "DICOMDIR").write_bytes(b"no image")
    (tmp_path / "case1" / ".DS_Store").write_bytes(b"")
    (finding,) = read(tmp_path).findings
    assert (
        finding.code == "dicom-files-ignored"
        and "1 files" in finding.problem
        and "notes.txt" in finding.problem
    )


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "case1").mkdir()
    (tmp_path / "case1" / "notes.txt").write_text("nothing here")
    assert refused(tmp_path).code == "dicom-none"
    with pytest.raises(SynthaugError, match="no subject"):
        subjects(tmp_path / "case1")


def test_a_stack_acquired_twice_gives_the_latest_complete_one(tmp_path):
    first = cine(key="first", SeriesDate="20200101", SeriesTime="100000")
    second = cine(key="second", SeriesDate="20200101", SeriesTime="101000")
    second = replace(second, cine=second.cine + 2)
    study = dcmread(write(tmp_path, first)[0]).StudyInstanceUID
    for file in write(tmp_path / "case1", second, "again"):
        edit(file, lambda header: setattr(header, "StudyInstanceUID", study))
    found = read(tmp_path)
    assert codes(found) == ["dicom-slices-repeated"] and equal(found, second)
    # One frame of the later acquisition of one slice is lost: that slice is taken from the first.
    of_slice(tmp_path / "case1" / "again", 3)[2].unlink()
    found = read(tmp_path)
    mixed = second.cine.copy()
    mixed[:, 3] = first.cine[:, 3]
    assert equal(found, replace(second, cine=mixed))


def test_copies_of_files_are_used_once(tmp_path):
    for file in write(tmp_path)[:5]:
        file.with_name(f"{file.name} copy").write_bytes(file.read_bytes())
    found = read(tmp_path)
    assert (
        equal(found, cine())
        and codes(found) == ["dicom-files-repeated"]
        and "5 images" in found.findings[0].problem
    )


def test_a_missing_phase_is_filled_from_the_nearest_one(tmp_path):
    write(tmp_path)
    of_slice(tmp_path / "case1", 2)[4].unlink()
    found = read(tmp_path)
    assert codes(found) == ["dicom-phases-chosen"] and found.image.shape[3] == 8
    ordered = cine().cine[np.argsort(cine().trigger_ms)]
    expected = ordered.copy()
    expected[4, 2] = ordered[3, 2]  # 120 and 200 ms are as near to 160 ms; the first is taken
    assert np.array_equal(found.image[..., ::-1, :].T, expected)


def test_a_slice_with_other_frames_gives_the_nearest_of_the_beat(tmp_path):
    """Four frames at 80 ms in place of eight at 40 ms: just half, each is used twice."""
    write(tmp_path)
    for place, file in enumerate(of_slice(tmp_path / "case1", 2)):
        if place % 2:
            file.unlink()
    found = read(tmp_path)
    ordered = cine().cine[np.argsort(cine().trigger_ms)]
    taken = found.image[..., ::-1, :].T[:, 2]
    assert [int(np.argmin(np.abs(ordered[:, 2] - image).sum((1, 2)))) for image in taken[::2]] == [0, 2, 4, 6]
    assert codes(found) == ["dicom-phases-chosen"] and found.frame_duration_s == pytest.approx(0.04)


def test_a_slice_with_few_frames_is_left_out_and_its_gap_is_said(tmp_path):
    write(tmp_path)
    for file in of_slice(tmp_path / "case1", 2)[3:]:
        file.unlink()
    found = read(tmp_path)
    assert codes(found) == ["dicom-slice-short", "dicom-slice-missing"] and found.image.shape[2] == 6
    assert "between slices 4 and 5" in found.findings[1].problem and found.voxel_size_mm[2] == pytest.approx(
        10
    )


def test_two_images_at_one_time_give_the_later(tmp_path):
    write(tmp_path)
    early, late = of_slice(tmp_path / "case1", 0)[1:3]

    def move(header):
        header.TriggerTime = STEP_MS
        header.InstanceNumber = 1000

    edit(late, move)
    found = read(tmp_path)
    assert codes(found) == ["dicom-phases-repeated", "dicom-phases-chosen"]
    assert np.array_equal(found.image[..., -1, 1].T, 2 * dcmread(late).pixel_array)
    assert early.exists()


def test_order_falls_back_to_numbers_and_says_so(tmp_path):
    write(tmp_path)
    for z in range(7):
        for number, file in enumerate(of_slice(tmp_path / "case1", z)):

            def number_only(header, number=number):
                del header.TriggerTime
                header.InstanceNumber = number + 1

            edit(file, number_only)
    found = read(tmp_path)
    assert (
        equal(found, cine()) and codes(found) == ["dicom-order-by-number"] and found.frame_duration_s is None
    )
    for file in files(tmp_path / "case1"):
        edit(file, lambda header: header.pop("InstanceNumber"))
    assert refused(tmp_path).code == "dicom-order-unknown"


@pytest.mark.parametrize(("factor", "unit"), [(0.001, "seconds"), (1000.0, "microseconds")])
def test_times_in_other_units_are_seen(tmp_path, factor, unit):
    scan = cine()
    write(tmp_path, replace(scan, trigger_ms=scan.trigger_ms * factor))
    found = read(tmp_path)
    assert found.frame_duration_s == pytest.approx(0.04) and codes(found) == ["dicom-time-unit"]
    assert unit in found.findings[0].remedy


def test_a_few_slices_of_another_grid_are_left_out_and_halves_refused(tmp_path):
    write(tmp_path)

    def wider(header):
        header.PixelSpacing = [2.0, 2.0]

    for file in of_slice(tmp_path / "case1", 0):
        edit(file, wider)
    found = read(tmp_path)
    assert codes(found) == ["dicom-grid-differs"] and found.image.shape[2] == 6

    def crop(header):
        header.PixelData = header.pixel_array[:30].tobytes()
        header.Rows = 30

    for z in (1, 2, 3):
        for file in of_slice(tmp_path / "case1", z):
            edit(file, crop)
    assert refused(tmp_path).code == "dicom-grids-mixed"


def test_distances_come_from_positions(tmp_path):
    scan = cine()
    write(tmp_path, scan)
    for file in files(tmp_path / "case1"):
        edit(file, lambda header: setattr(header, "SpacingBetweenSlices", 8))
    found = read(tmp_path)
    assert found.voxel_size_mm[2] == pytest.approx(10) and codes(found) == ["dicom-distance-differs"]
    for file in of_slice(tmp_path / "case1", 6):

        def away(header):
            position = np.array(header.ImagePositionPatient, float)
            position += 4 * np.array([0.61, -0.61, -0.5])  # further to the apex
            position += 5 * np.array(header.ImageOrientationPatient[:3], float)
            header.ImagePositionPatient = [f"{value:.6f}" for value in position]

        edit(file, away)
    found = read(tmp_path)
    assert codes(found) == ["dicom-slices-uneven", "dicom-distance-differs", "dicom-slices-shifted"]
    assert found.voxel_size_mm[2] == pytest.approx(10)


def test_intensities_are_rescaled_and_bright_is_large(tmp_path):
    write(tmp_path)
    for file in files(tmp_path / "case1"):

        def invert(header):
            header.PhotometricInterpretation = "MONOCHROME1"
            header.PixelData = (65535 - header.pixel_array).tobytes()
            header.RescaleIntercept = -100

        edit(file, invert)
    found = read(tmp_path)
    scan = cine()
    assert found.findings == [] and equal(replace(found, image=found.image + 100), scan)


def test_compressed_images_are_decoded_or_refused_in_one_line(tmp_path):
    write(tmp_path)
    for file in files(tmp_path / "case1"):
        dataset = dcmread(file)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(file)
    assert equal(read(tmp_path), cine())
    dataset = dcmread(files(tmp_path / "case1")[7])
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.save_as(files(tmp_path / "case1")[7])
    error = refused(tmp_path)
    assert error.code == "dicom-compressed" and "JPEG-LS" in error.problem and "gdcmconv" in error.remedy


def test_damaged_files_are_named_and_left_out(tmp_path):
    write(tmp_path)
    whole = of_slice(tmp_path / "case1", 1)
    short, empty, lost = whole[1], whole[3], whole[5]
    short.write_bytes(short.read_bytes()[:-100])
    edit(empty, lambda header: header.pop("PixelData"))
    edit(lost, lambda header: header.pop("ImagePositionPatient"))
    found = read(tmp_path)
    said = {finding.problem for finding in found.findings if finding.code == "dicom-file-damaged"}
    assert said == {
        f"{short.name} ends before its pixels do",
        f"{empty.name} has no pixels",
        f"{lost.name} has no position in the patient",
    }
    assert codes(found)[-1] == "dicom-phases-chosen" and found.image.shape == (40, 40, 7, 8)


def test_two_patients_in_a_folder_are_refused(tmp_path):
    write(tmp_path, cine(PatientID="17"))
    edit(files(tmp_path / "case1")[9], lambda header: setattr(header, "PatientID", "18"))
    error = refused(tmp_path)
    assert error.code == "dicom-patients-mixed" and "18" not in str(error).replace(str(tmp_path), "")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A stack of 3 slices and 4 frames, and the bytes of its files."""
    root = tmp_path_factory.mktemp("tiny")
    scan = cine()
    scan = replace(scan, cine=scan.cine[:4, :3, ::4, ::4], trigger_ms=scan.trigger_ms[:4])
    return root, {file: file.read_bytes() for file in write(root, scan)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=strategies.data())
def test_any_damage_is_a_finding_or_a_pass(tiny, data):
    root, contents = tiny
    everywhere = data.draw(strategies.booleans())
    place = data.draw(strategies.integers(128, 1400))
    replaced = data.draw(strategies.binary(min_size=0, max_size=6))
    cut = data.draw(strategies.sampled_from([None, place, 10]))
    try:
        for number, (file, content) in enumerate(contents.items()):
            if everywhere or number == 0:
                damaged = content[:place] + replaced + content[place + len(replaced) :]
                file.write_bytes(damaged[:cut])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            (subject,) = subjects(root)
            try:
                found = load_subject(subject)
            except SubjectError as error:
                assert error.code not in ("reader-failed", "reader") and "\n" not in str(error)
            else:
                assert np.isfinite(found.image).all() and found.image.shape[2] > 1
        assert said == []  # a warning would quote the file
    finally:
        for file, content in contents.items():
            file.write_bytes(content)
