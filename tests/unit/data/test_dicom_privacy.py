"""Who the patient is and when the visit was never leaves the DICOM files."""

import gzip
import logging
from pathlib import Path

import pytest
from dicom_heart import cine, edit, files, of_slice, write
from pydicom import Dataset
from pydicom.uid import PYDICOM_ROOT_UID, generate_uid

import synthaug
from synthaug.cli import main
from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.registry import parse
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.readers import find_subjects
from synthaug.data.readers.dicom_identity import IDENTIFYING, Identity
from synthaug.data.validate import validate_dataset

GRID = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 32, 32), frames=8)
PACKAGE = Path(synthaug.__file__).parent
SECRETS = {
    "PatientName": "Zweistein^Albertine", "PatientID": "PID-7731902", "OtherPatientIDs": "OTHER-5512",
    "PatientBirthName": "Dreistein", "PatientBirthDate": "19330307", "PatientAddress": "Geheimgasse 9",
    "PatientTelephoneNumbers": "0176998877", "PatientComments": "Quokkafreundin", "AccessionNumber": "ACC99881",
    "StudyID": "ST4477", "InstitutionName": "Klinikum Wolkenkuckucksheim", "InstitutionAddress": "Luftschloss 12",
    "StationName": "MRGEHEIM3", "DeviceSerialNumber": "SN1234321", "ReferringPhysicianName": "Wunderlich^Theo",
    "PerformingPhysicianName": "Sonderbar^Uta", "OperatorsName": "Heimlich^Ina", "StudyDate": "20190817",
    "SeriesDate": "20190818", "AcquisitionDate": "20190819", "ContentDate": "20190820",
    "StudyInstanceUID": generate_uid(entropy_srcs=["study"]), "FrameOfReferenceUID": generate_uid(entropy_srcs=["frame"]),
    "StudyDescription": "Herz von Zweistein", "SeriesDescription": "cine Zweistein", "ProtocolName": "Zweistein sax",
    "ImageComments": "Visite am 17.8.2019", "RequestedProcedureDescription": "Frau Zweistein zur Kontrolle",
}  # fmt: skip
PARTS = {
    PYDICOM_ROOT_UID,  # all identifiers that are made here begin with it
    *(value for value in SECRETS.values()),
    *(
        part
        for key in SECRETS
        for part in SECRETS[key].replace("^", " ").split()
        if len(part) > 4 and part not in ("Visite",)
    ),
}


def dataset(root, **options):
    return parse({"layout": "dicom", "root": str(root), "minimum_subjects": 1, **options}, DatasetSettings)


def leaks(text: str) -> set[str]:
    return {secret for secret in PARTS if secret.lower() in text.lower()}


def test_the_list_of_secrets_is_the_list_of_identifying_elements():
    assert set(IDENTIFYING) - set(SECRETS) == {
        "OtherPatientNames", "PatientMotherBirthName", "InstitutionalDepartmentName", "NameOfPhysiciansReadingStudy",
        "RequestingPhysician", "AcquisitionDateTime", "InstanceCreationDate", "SeriesInstanceUID", "SOPInstanceUID",
    }  # fmt: skip


@pytest.fixture
def raw(tmp_path):
    """Two subjects: one whose folder and files are called after the patient, with all that can be wrong; one not read."""
    root = tmp_path / "raw"
    folder = root / "ZWEISTEIN_A_20190817"
    write(root, cine(**SECRETS), folder.name)
    for number, file in enumerate(files(folder)):
        secret = generate_uid(entropy_srcs=[str(number)])
        edit(file, lambda header, secret=secret: setattr(header, "SOPInstanceUID", secret))
        file.rename(file.with_name(f"{secret}.dcm" if number % 2 else f"zweistein-{number}"))
    short, lost = of_slice(folder, 2)[1:3]
    short.write_bytes(short.read_bytes()[:-50])
    edit(lost, lambda header: header.pop("PixelSpacing"))
    (folder / ".zweistein").write_text("hidden")
    (folder / "again").symlink_to(folder)
    (folder / "Brief an Wunderlich.txt").write_text("Sehr geehrter Herr Wunderlich")
    write(root, cine(**SECRETS | {"PatientID": "PID-2"}), "PID-2")
    for file in files(root / "PID-2"):
        edit(file, lambda header: header.pop("PixelData"))
    return root


def test_nothing_that_identifies_reaches_cohort_log_findings_errors_or_pages(
    raw, tmp_path, caplog, recwarn, capfd
):
    with caplog.at_level(logging.DEBUG):
        harmonise_dataset("data", dataset(raw), raw, GRID, tmp_path / "cohort")
        lines = [str(finding) for finding in validate_dataset(find_subjects(dataset(raw), raw))]
        assert main(["validate", str(raw), "--dataset", "dicom"]) == 1
        page = tmp_path / "cohort" / "quality.html"
        assert (
            main(["quality", str(raw), "--dataset", "dicom", "--output", str(page), "--processes", "1"]) == 0
        )
    written = list((tmp_path / "cohort").rglob("*"))
    assert len(written) > 5
    for file in written:
        assert leaks(str(file.relative_to(tmp_path))) == set()
        if file.is_file():
            content = file.read_bytes()
            content += gzip.decompress(content) if file.suffix == ".gz" else b""
            assert leaks(content.decode("latin-1")) == set(), file
    printed = capfd.readouterr()
    for text in (caplog.text, *lines, printed.out, printed.err, *(str(found.message) for found in recwarn)):
        assert leaks(text) == set()
    findings = read_tsv(tmp_path / "cohort" / "findings.tsv")
    assert {"dicom-id-replaced", "dicom-file-damaged", "dicom-files-ignored"} <= set(findings["code"])
    assert sum(" of 57 " in line for line in findings["problem"]) == 2  # the two damaged files
    (row,) = read_tsv(tmp_path / "cohort" / "quarantine.tsv").to_dict("records")
    assert (
        row["code"] == "dicom-none"
        and row["file"] == "folder 1 of 2"
        and row["subject"].startswith("data-anon-")
    )


def test_the_report_is_made_of_what_was_searched_here():
    """It reads cohorts, whose every file the test before searched, and never the files of a patient."""
    for file in (PACKAGE / "report").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "synthaug.data.readers" not in text and "pydicom" not in text, file


def test_ids_are_the_same_each_time_and_differ_between_patients(raw):
    first, second = ([subject.id for subject in find_subjects(dataset(raw), raw)] for _ in range(2))
    assert first == second and len(set(first)) == 2 and all(name.startswith("anon-") for name in first)


def test_a_pseudonym_is_kept_where_the_study_says_so(tmp_path):
    write(tmp_path, cine(PatientID="case1", PatientName="case1"))
    (hashed,) = find_subjects(dataset(tmp_path), tmp_path)
    (kept,) = find_subjects(dataset(tmp_path, pseudonyms=True), tmp_path)
    assert hashed.id.startswith("anon-") and kept.id == "case1"
    assert [finding.code for finding in hashed.findings] == ["dicom-id-replaced"] and kept.findings == ()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Zweistein", True),
        ("albertine_03", True),
        ("pid7731902", True),
        ("visit-2019-08-17", True),
        ("1.2.840.113619.2.55.3", True),
        ("sub-017", False),
        ("patient001", False),
        ("ed", False),
    ],
)
def test_names_that_identify(name, known):
    header = Dataset()
    for keyword, value in SECRETS.items():
        setattr(header, keyword, value)
    assert Identity([header]).is_in(name) is known
