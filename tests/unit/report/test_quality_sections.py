"""Sections about the data: flow of subjects, cohort, image quality; and the page of one dataset."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest
from edited_tables import write_table
from raw_files import write_acdc
from report_study import SPACING_MM, beating_heart, make_study, write_made_up_cohort

from synthaug.cli import main
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import read_json, read_tsv, write_json, write_tsv
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.image_quality import TABLE
from synthaug.report.gather import draw_into
from synthaug.report.inputs import ReportInputs
from synthaug.report.section import TABLE_COLUMNS, ReportData, shows_none
from synthaug.report.sections.cohort import cohort as cohort_section
from synthaug.report.sections.flow import flow
from synthaug.report.sections.image_quality import image_quality
from synthaug.report.thumbnails import BUDGET, picture, write_sheets


def data_of(inputs: ReportInputs, assets) -> ReportData:
    assets.mkdir(parents=True, exist_ok=True)
    return ReportData(
        inputs=inputs,
        settings=ReportSettings(),
        table=pd.DataFrame(columns=list(TABLE_COLUMNS)),
        rows=[],
        real=Cohort.open_all(inputs.cohorts.values()),
        alpha=0.05,
        draw=draw_into(assets),
        assets=assets,
        is_shown=shows_none,
    )


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Two cohorts, of 6 and of 3 subjects."""
    root = tmp_path_factory.mktemp("cohorts")
    for name, count in {"first": 6, "second": 3}.items():
        write_made_up_cohort(root / name, name, "real", count, seed=0)
    return root


@pytest.fixture
def pair(cohorts, tmp_path):
    """The inputs of a page about both, in a copy that a test may change."""
    import shutil

    shutil.copytree(cohorts, tmp_path / "cohorts")
    folders = {name: tmp_path / "cohorts" / name for name in ("first", "second")}
    return ReportInputs(tables=tmp_path, study={}, arms=[], cohorts=folders)


def change(folder, **columns):
    table = read_tsv(folder / "subjects.tsv")
    write_table(folder, table.assign(**columns))


def test_the_flow_counts_every_subject_once(pair, tmp_path):
    first, second = pair.cohorts.values()
    rows = [
        ("first-a", "file-truncated", "ends"),
        ("first-a", "dimensions", "of the same subject"),
        ("first-b", "file-truncated", "ends"),
        ("first-c", "of-a-plugin", "what the plugin says"),
    ]
    write_tsv(first / "quarantine.tsv", pd.DataFrame(rows, columns=["subject", "code", "problem"]))
    found = [("second-000", "slices-few"), ("second-000", "contrast-low"), ("second-001", "slices-few")]
    write_tsv(second / "findings.tsv", pd.DataFrame(found, columns=["subject", "code"]))
    change(second, labelled_frames=["0,4", None, None], patient=["p", "p", None])
    split = {
        "subject": ["first-000", "first-001", "first-002", "second-000"],
        "patient": ["a", "a", "b", "p"],
        "labelled": [True, False, True, True],
        "role": ["train", "train", "test", "unused"],
    }
    write_tsv(tmp_path / "fold.tsv", pd.DataFrame(split))
    counts = flow(data_of(dataclasses.replace(pair, splits={0: tmp_path / "fold.tsv"}), tmp_path / "assets"))
    assert counts["found"]["count"] == 6 + 3 + 3
    assert [each["count"] for each in counts["found"]["datasets"]] == [9, 3]
    assert [(each["code"], each["count"]) for each in counts["excluded"]] == [
        ("file-truncated", 2),
        ("of-a-plugin", 1),
    ]
    assert counts["excluded"][0]["meaning"] == "A file ends before its header says."
    assert counts["excluded"][1]["meaning"] == "what the plugin says"
    # Two visits of one patient, and one of an unnamed one; the first cohort names no patients.
    assert counts["harmonised"] == {"count": 9, "patients": 8, "with_findings": 2}
    assert (counts["labelled"], counts["unlabelled"]) == (7, 2)
    roles = [
        (each["role"], each["count"], each["labelled"], each["patients"])
        for each in counts["folds"][0]["roles"]
    ]
    assert roles == [("train", 2, 1, 1), ("test", 1, 1, 1), ("unused", 1, 1, 1)]


def test_sex_and_age_by_vendor_centre_and_diagnosis(pair, tmp_path):
    first, second = pair.cohorts.values()
    change(first, vendor="A", diagnosis="DCM", sex=[*"FFMMM", None], age=[20, 30, 40, 50, 60, None])
    change(second, vendor="B", diagnosis=["DCM", "NOR", "NOR"], centre="7")
    table = cohort_section(data_of(pair, tmp_path / "assets"))["subjects"]
    assert [column["title"] for column in table["columns"]][:4] == [
        "dataset",
        "vendor",
        "centre",
        "diagnosis",
    ]
    rows = [[cell["text"] if isinstance(cell, dict) else cell for cell in row] for row in table["rows"]]
    assert rows == [
        ["all", None, None, None, 9, 2, 3, 4, "40 (20 to 60)"],
        ["first", "A", "unknown", "DCM", 6, 2, 3, 1, "40 (20 to 60)"],
        ["second", "B", "7", "DCM", 1, 0, 0, 1, "unknown"],
        ["second", "B", "7", "NOR", 2, 0, 0, 2, "unknown"],
    ]


def test_groups_of_acdc_are_held_against_their_definition(pair, tmp_path):
    first, _ = pair.cohorts.values()
    # Body surface of 180 cm and 80 kg: sqrt(180 * 80 / 3600) = 2 m2.
    change(
        first,
        diagnosis=["DCM", "DCM", "DCM", "DCM", "HCM", "NOR"],
        height_cm=180.0,
        weight_kg=[80, 80, 80, None, 80, 80],
        lv_edv_ml=[220.0, 180, 220, 220, 120, 120],
        lv_ef=[30.0, 30, 50, 30, 60, 60],
    )
    meta = read_json(first / "cohort.json")
    write_json(first / "cohort.json", {**meta, "source": {"layout": "acdc"}})
    table = cohort_section(data_of(pair, tmp_path / "assets"))["volumes"]
    rows = {(row[0]["text"], row[0]["aside"]): row for row in table["rows"]}
    assert rows["DCM", "first"][-1] == "1 of 3"  # of the fourth the body surface is unknown
    assert rows["HCM", "first"][-1] == "1 of 1"
    assert rows["NOR", "first"][-2:] == rows["DCM", "second"][-2:] == ["not published", None]
    edv = rows["DCM", "first"][2]
    assert (edv["number"], edv["sd"]) == (210, 20)


def test_agreement_with_reported_volumes(pair, tmp_path):
    first, _ = pair.cohorts.values()
    measured, reported = [100.0, 110, 120, 130], [99.0, 113, 119, 133]
    change(
        first,
        lv_edv_ml=[*measured, None, 90],
        reported_edv_ml=[*reported, 80, None],
        lv_esv_ml=50.0,
        reported_esv_ml=[40.0, 40, None, None, None, None],
    )
    found = cohort_section(data_of(pair, tmp_path / "assets"))
    # Differences 1, -3, 1, -3: mean -1, sd 2.309, limits -1 -/+ 4.526.
    assert [panel["title"] for panel in found["panels"]] == [
        "LV end-diastolic volume: bias −1.0 mL, limits −5.5 to +3.5 mL, n = 4"
    ]
    assert found["absent"] == ["LV end-systolic volume: 2 subjects", "LV ejection fraction: 2 subjects"]
    assert (tmp_path / "assets" / found["panels"][0]["file"]).is_file()


def test_volumes_of_the_users_table_are_reported_ones(pair, tmp_path):
    first, _ = pair.cohorts.values()
    subjects = read_tsv(first / "subjects.tsv")
    own = pd.DataFrame({"subject": subjects["subject"], "lv_ef": subjects["lv_ef"] - 2, "lv_edv_ml": 1.0})
    write_tsv(tmp_path / "first.tsv", own)
    study = {
        "datasets": {"first": {"phenotypes": {"columns": {"EF": "lv_ef"}}}, "second": {"phenotypes": None}}
    }
    inputs = dataclasses.replace(pair, study=study, phenotypes=[tmp_path / "first.tsv"])
    found = cohort_section(data_of(inputs, tmp_path / "assets"))
    # The table's lv_edv_ml is measured, not the user's.
    assert [panel["title"] for panel in found["panels"]] == [
        "LV ejection fraction: bias +2.0 %, limits +2.0 to +2.0 %, n = 6"
    ]


def test_pictures_are_sorted_and_filtered_by_what_was_measured(pair, tmp_path):
    first, _ = pair.cohorts.values()
    measures = {
        "subject": [f"first-{n:03d}" for n in range(6)],
        "snr": [30.0, 20, 40, None, 50, 60],
        "findings": 0,
    }
    write_tsv(first / TABLE, pd.DataFrame(measures))
    codes = [("first-004", "slices-few"), ("first-004", "slices-few"), ("first-002", "contrast-low")]
    write_tsv(first / "findings.tsv", pd.DataFrame(codes, columns=["subject", "code"]))
    found = image_quality(data_of(pair, tmp_path / "assets"))
    assert [each["title"] for each in found["sorts"]] == ["Findings", "SNR"]
    assert [each["worst"] for each in found["sorts"]] == ["high", "low"]
    cards = {card["subject"]: card for card in found["cards"]}
    assert list(cards)[:2] == ["first-004", "first-002"] and len(cards) == found["total"] == 9
    assert cards["first-004"]["measures"] == "2,50" and cards["first-004"]["findings"] == ["slices-few × 2"]
    assert cards["first-003"]["measures"] == cards["second-000"]["measures"] == "0,"
    assert [each["name"] for each in found["filters"]] == ["dataset", "vendor", "diagnosis"]
    assert "SNR" not in found["absent"] and "Slice shift" in found["absent"]
    everybody = found["table"]["rows"][0]
    assert everybody[:2] == ["all", 9] and everybody[2]["text"] == "40"  # median of 20, 30, 40, 50, 60


def test_of_many_subjects_those_with_most_findings_are_shown(pair, tmp_path, monkeypatch):
    first, _ = pair.cohorts.values()
    write_tsv(
        first / "findings.tsv", pd.DataFrame([("first-005", "slices-few")], columns=["subject", "code"])
    )
    monkeypatch.setattr("synthaug.report.sections.image_quality.MOST_SUBJECTS", 4)
    found = image_quality(data_of(pair, tmp_path / "assets"))
    assert [card["subject"] for card in found["cards"]] == [
        "first-005",
        "first-000",
        "first-001",
        "first-002",
    ]
    assert found["total"] == 9


def test_a_picture_shows_the_labelled_heart_and_its_beat(tmp_path):
    cine, labels = beating_heart(2)
    write_subject(tmp_path / "sub-a", cine, {0: labels[0]}, SPACING_MM)
    row = {"subject": "a", "dataset": "d", "ed_frame": 0, "labelled_frames": "0"}
    write_cohort(tmp_path, "d", "real", [row], SPACING_MM)
    seen = picture(Cohort.open(tmp_path), "a", 96)
    assert seen.shape == (96, 144) and seen.dtype == np.uint8
    column = int(np.flatnonzero(seen[0, :96] == 255)[0])
    true = np.argwhere(labels[0, 2] == 1)[:, 1].mean()
    assert column == pytest.approx((true + 0.5) * 96 / 40, abs=2)
    # 8 frames in 48 columns. Along the line the bright cavity is long in the first, ED, and short in the fifth.
    bright = (seen[:, 96:] > 170).sum(axis=0)
    # Column x of the line crosses 13 voxels of the cavity at ED and 8 at ES; a voxel is 2.4 pixels.
    assert (bright[3], bright[27]) == (pytest.approx(13 * 2.4, abs=2), pytest.approx(8 * 2.4, abs=2))


@pytest.mark.parametrize(("count", "noise"), [(3, 255), (1000, 40), (1000, 255)])
def test_all_pictures_stay_within_the_budget(tmp_path, count, noise):
    from PIL import Image

    rng = np.random.default_rng(0)
    some = [rng.integers(0, noise, (96, 144), np.uint8) for _ in range(10)]
    sheets = write_sheets([some[n % 10] for n in range(count)], tmp_path)
    sizes = [(tmp_path / file).stat().st_size for file in sheets.files]
    assert sum(sizes) <= BUDGET and len(sizes) == -(-count // 100)
    with Image.open(io.BytesIO((tmp_path / sheets.files[-1]).read_bytes())) as sheet:
        assert sheet.size == (10 * 3 * sheets.height // 2, 10 * sheets.height)
    if count == 3:
        assert sheets.height == 96


def test_places_are_those_of_the_background(tmp_path):
    tiles = [np.full((96, 144), 2 * n, np.uint8) for n in range(120)]
    sheets = write_sheets(tiles, tmp_path)
    from PIL import Image

    for index in (0, 9, 10, 99, 100, 119):
        place = sheets.place(index)
        with Image.open(tmp_path / sheets.files[place["sheet"]]) as sheet:
            left = place["x"] / 100 * (sheet.width - 3 * sheets.height // 2)
            top = place["y"] / 100 * (sheet.height - sheets.height)
            assert abs(sheet.getpixel((round(left) + 20, round(top) + 20)) - 2 * index) <= 2


def test_the_page_of_a_cohort(cohorts, tmp_path, capsys):
    output = tmp_path / "page.html"
    assert main(["quality", str(cohorts / "first"), "--output", str(output)]) == 0
    assert "6 subjects" in capsys.readouterr().out
    page = output.read_text(encoding="utf-8")
    assert re.findall(r'<section id="([a-z-]+)">', page) == ["flow", "subjects", "cohort", "image-quality"]
    assert "script-src 'sha256-" in page and "first-005" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert re.findall(r'data-values="([^"]*)"', page) == ["0"] * 6  # nothing but findings was measured


def test_the_page_of_raw_files_and_what_it_refuses(tmp_path, capsys):
    write_acdc(tmp_path / "raw data", "patient001")
    write_acdc(tmp_path / "raw data", "patient002")
    broken = tmp_path / "raw data" / "training" / "patient002" / "patient002_4d.nii.gz"
    broken.write_bytes(broken.read_bytes()[:-500])
    output = tmp_path / "page.html"
    command = ["quality", str(tmp_path / "raw data"), "--output", str(output), "--processes", "1"]
    assert main([*command, "--dataset", "acdc"]) == 0
    page = output.read_text(encoding="utf-8")
    assert "raw-data-patient001" in page and "file-truncated" in page
    output.unlink()
    capsys.readouterr()
    assert main(command) == 1
    assert "no cohort.json" in capsys.readouterr().err and not output.exists()
    assert main(["quality", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "is a folder" in capsys.readouterr().err


def test_the_report_of_a_study_has_the_sections(tmp_path):
    inputs = make_study(tmp_path, cohort_size=4)
    data = data_of(inputs, tmp_path / "assets")
    assert flow(data)["excluded"][0]["code"] == "voxel-size-lost"
    assert [role["role"] for role in flow(data)["folds"][0]["roles"]] == ["train", "validation", "test"]
    assert image_quality(data)["cards"][0]["findings"] == ["reader"]
