"""Worst test patients: who they are, which prediction is drawn, and that the section says so."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from report_study import HOSTILE, defined, made_up_rows, make_study

from synthaug.config.arms import ArmSettings, resolve_arms
from synthaug.config.report import ReportSettings
from synthaug.report.gather import gather_content
from synthaug.report.plots.contours import SIDE, slice_picture
from synthaug.report.render import render
from synthaug.report.worst import mean_dice, missed_structures, scores_of_patients, shown_arms
from synthaug.report.worst_pictures import worst_slice
from synthaug.tables import make_table


def row(subject: str, value: float, **more: object) -> dict:
    about = {
        "metric": "dice",
        "definition": "v1",
        "status": "ok",
        "arm": "real",
        "fold": 0,
        "training_seed": 0,
    }
    return {**about, "subject": subject, "value": value, "structure": "LV", "phase": "ED", **more}


def test_a_patient_of_several_folds_and_visits_appears_once_with_the_mean():
    rows = [
        row("a", 0.2),
        row("a", 0.6, fold=1),
        row("b-first", 0.1, patient="b"),
        row("b-second", 0.3, patient="b"),
        row("c", 0.9),
        row("d", 0.0, arm="other"),
        row("e", 0.0, role="test_within"),  # not a patient of the verdict, where the others are
    ]
    found = mean_dice(make_table(rows), "real")
    assert list(found.index) == ["b", "a", "c"]
    assert list(found) == pytest.approx([0.2, 0.4, 0.9])


def test_missed_structures_are_counted_among_the_segmentations():
    lost = {"status": "missing_prediction", "structure": "RV", "phase": "ES"}
    rows = [row("a", 0.0, **lost), row("a", 0.8, training_seed=1, structure="RV", phase="ES"), row("a", 0.9)]
    scores = scores_of_patients(make_table(rows), ["a"])
    assert missed_structures(scores) == "RV ES (1 of 2)"
    assert missed_structures(scores[scores["structure"] == "LV"]) == ""


def test_the_arms_shown_are_the_best_arm_and_its_strongest_control():
    arms = list(
        resolve_arms(
            {
                "real": ArmSettings(),
                "a": ArmSettings(generator="g", dose=0.5),
                "b": ArmSettings(generator="g", dose=1.0),
            }
        ).values()
    )
    about = {"metric": "dice_difference", "direction": "higher", "status": "ok"}
    empty = dict.fromkeys(("subject", "vendor", "role", "diagnosis", "structure", "phase", "target", "fold"))
    values = {
        ("a", "a-repeated"): 0.01,
        ("a", "a-classical"): 0.02,
        ("b", "b-repeated"): 0.03,
        ("b", "b-classical"): 0.04,
        ("b", "real"): -1.0,
    }
    rows = [
        {**about, **empty, "arm": arm, "versus": versus, "value": value}
        for (arm, versus), value in values.items()
    ]
    assert shown_arms(rows, arms, "dice") == ("b-repeated", "b")
    assert shown_arms([], arms, "dice") == ("real", "a")
    assert shown_arms([], arms[:1], "dice") == ("real",)


def test_the_slice_is_the_worst_of_the_large_ones():
    reference = np.zeros((4, 10, 10), np.uint8)
    for z, width in enumerate((2, 8, 10, 10)):  # areas 20, 80, 100, 100
        reference[z, :, :width] = 1
    predicted = reference.copy()
    predicted[0] = 0  # missed, but small
    predicted[1, :5] = 0  # Dice 2 * 40 / 120
    predicted[2, :1] = 0
    assert worst_slice(reference, predicted) == 1
    assert worst_slice(reference, reference) == 2  # all alike: the largest, the first of equals


def test_a_picture_has_the_physical_shape_and_both_contours():
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:15] = 1
    png = slice_picture(np.full(mask.shape, 0.5), mask, np.roll(mask, 8, 1), (2.0, 1.0))
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    assert picture.size == (SIDE * 30 // 40, SIDE)  # 40 mm high, 30 mm wide
    colours = {colour for _, colour in picture.getcolors(10_000)}
    assert {(64, 170, 235), (255, 255, 255), (0, 0, 0)} <= colours


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A study in which patients 2, 5 and 6 are the worst of the control arm, in this order."""
    root = tmp_path_factory.mktemp("worst")
    rows = made_up_rows([f"acdc-{number:03d}" for number in range(8)], 0.012)
    for number, value in ((2, 0.1), (5, 0.2), (6, 0.3)):
        chosen = (
            (rows["subject"] == f"acdc-{number:03d}") & (rows["metric"] == "dice") & (rows["status"] == "ok")
        )
        rows.loc[chosen, "value"] = value
        rows.loc[chosen & (rows["training_seed"] == 1), "value"] = value - 0.05
        rows.loc[chosen, "diagnosis"] = HOSTILE
    inputs = make_study(root, rows=defined(rows))
    gather_content(inputs, ReportSettings(cine_pairs=0, volume_curves=1), root / "content")
    render(root / "content", root / "report.html")
    sections = json.loads((root / "content" / "content.json").read_text())["sections"]
    content = next(section["content"] for section in sections if section["name"] == "worst_patients")
    return content, (root / "report.html").read_text(encoding="utf-8")


def test_the_three_worst_are_named_with_their_training_and_pictures(page):
    content, html = page
    assert content["arms"] == ["mixed-100-repeated", "mixed-100"] and content["tested"] == 8
    assert [found["patient"] for found in content["patients"]] == ["acdc-002", "acdc-005", "acdc-006"]
    first = content["patients"][0]
    assert (first["dice"], first["trainings"], first["vendor"]) == (pytest.approx(0.075), 2, "A")
    runs = first["picture"]["trainings"]
    assert [(run["arm"], run["training_seed"], run["dice"]) for run in runs] == [
        ("mixed-100-repeated", 1, pytest.approx(0.05)),
        ("mixed-100", 1, pytest.approx(0.05)),
    ]
    assert len(first["picture"]["tiles"]) == 6
    line = next(line for line in first["table"]["rows"] if line[0] == "mixed-100")
    assert [cell["number"] for cell in line[1:4]] == pytest.approx([0.075] * 3) and line[-1] == 2
    section = html.split('<section id="worst-patients">')[1].split("</section>")[0]
    assert "Dice 0.050 (n = 1 training)" in section and "v001/rows.csv" in section
    assert section.count("data:image/png;base64,") == 18 and len(section) < 600_000


def test_ids_and_diagnoses_are_escaped_and_no_p_value_is_shown(page):
    section = page[1].split('<section id="worst-patients">')[1].split("</section>")[0]
    assert HOSTILE not in section and "&lt;script&gt;" in section
    assert "p-value" not in section and '<th scope="col" class="n">p' not in section
