"""What free text claims, what nobody knows of it, and what contradicts what."""

from __future__ import annotations

import pytest

from synthaug.text.contradictions import conflict
from synthaug.text.reading import read, warnings_of

FAILING = {"lv_edv_ml": 250.0, "lv_esv_ml": 200.0, "rv_edv_ml": 150.0}


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        ("", {}),
        ("Normal.", {"diagnosis": "NOR"}),
        ("HCM, EF 75%", {"diagnosis": "HCM", "ef_percent": "75"}),
        ("Severe LV systolic dysfunction. LVEF: 22 %.", {"ef": "severely reduced", "ef_percent": "22"}),
        ("The left ventricle is markedly enlarged; the RV is not dilated.", {"lv_size": "severely dilated", "rv_size": "normal"}),
        ("Akinetic inferior and lateral walls", {"akinetic": "inferior lateral"}),
        ("No LV hypertrophy, normal wall motion", {"wall": "none", "motion": "normal"}),
        ("RVEF depressed", {"rv_ef": "reduced"}),
        ("1.5 T Siemens scanner", {"field": "1.5", "vendor": "siemens"}),
        ("LV mass 210 g", {"myo_mass_g": "210"}),
        ("LVEF not reduced. No akinesia. No dilated cardiomyopathy.", {}),
        ("No evidence of myocardial infarction", {}),
        ("EF of 0.35", {"ef_percent": "35"}),
        ("Imaged on a B scanner", {"vendor": "b"}),
    ],
)  # fmt: skip
def test_free_text(sentence, facts):
    assert read(sentence).facts == facts


def test_an_empty_sentence_is_the_null_condition():
    reading = read("", FAILING)
    assert reading.claims == () and reading.unknown == () and reading.warnings == ()


def test_unknown_words_are_listed_once():
    reading = read("Hypertrabeculated apex, hypertrabeculated wall; EF 60 % in bigeminy")
    assert reading.unknown == ("hypertrabeculated", "apex", "bigeminy")
    assert read("Bigeminy", known={"bigeminy"}).unknown == ()


def test_a_contradiction_with_the_row_names_both():
    assert read("Normal heart", FAILING).warnings == (
        "'Normal heart' contradicts the ejection fraction of its row, 20 %",
        "'Normal heart' contradicts the LV end-diastolic volume of its row, 250 mL",
    )
    assert read("Normal ejection fraction", FAILING).warnings
    assert not read(
        "Dilated cardiomyopathy with severely reduced ejection fraction of 18 %", FAILING
    ).warnings


def test_a_contradiction_within_a_sentence_names_both():
    (warning,) = read("Normal heart, EF 20 %").warnings
    assert warning == "'Normal heart' contradicts 'EF 20 %'"
    assert read("no hypertrophy, HCM").warnings and read("LV dilated. LV size is normal.").warnings


def test_near_a_threshold_nothing_contradicts():
    # 51 % is mildly reduced by the limit of 52 %; nobody would call "normal" wrong.
    assert not read("Normal ejection fraction", {"lv_edv_ml": 100, "lv_esv_ml": 49}).warnings
    assert not conflict("ef_percent", "20", "ef_percent", "25") and conflict(
        "ef_percent", "20", "ef_percent", "60"
    )
    assert not conflict("lv_size", "dilated", "lv_size", "severely dilated")
    assert not conflict("ef", "reduced", "ef", "severely reduced") and conflict(
        "ef", "reduced", "ef", "normal"
    )


def test_lines_of_the_log_name_the_subject():
    lines = warnings_of("g-0001", "normal heart with zebra stripes", FAILING)
    assert len(lines) == 3 and all(line.startswith("g-0001: ") and "\n" not in line for line in lines)
    assert "unknown words 'zebra', 'stripes'" in lines[2]
