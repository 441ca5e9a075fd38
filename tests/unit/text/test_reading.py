"""What free text claims, what nobody knows of it, and what contradicts what."""

from __future__ import annotations

import pandas as pd
import pytest

from synthaug.text.contradictions import conflict
from synthaug.text.facts import facts_of
from synthaug.text.impressions import compose
from synthaug.text.reading import read, warnings_of
from synthaug.text.told_diagnoses import with_told_diagnoses

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
        ("Akinesia of the anteroseptal wall", {"akinetic": "anteroseptal"}),
        ("Global hypokinesia, most pronounced in the inferior wall", {"motion": "global"}),
        ("Global hypokinesia most pronounced in the inferior wall", {"motion": "global", "most_reduced": "inferior"}),
        ("The lateral wall has the worst motion", {"most_reduced": "lateral"}),
        ("Reduced motion of at least the inferior wall", {"hypokinetic": "inferior"}),
        # Hypertrophy has a worst wall, too.
        ("Hypertrophy, most pronounced in the septal wall", {"wall": "hypertrophy"}),
        ("No LV hypertrophy, normal wall motion", {"wall": "none", "motion": "normal"}),
        ("RVEF depressed", {"rv_ef": "reduced"}),
        ("1.5 T Siemens scanner", {"field": "1.5", "vendor": "siemens"}),
        ("LV mass 210 g", {"myo_mass_g": "210"}),
        ("LVEF not reduced. No akinesia. No dilated cardiomyopathy.", {}),
        ("No evidence of myocardial infarction", {}),
        ("EF of 0.35", {"ef_percent": "35"}),
        ("Imaged on a B scanner", {"vendor": "b"}),
        ("Scanner: A", {"vendor": "a"}),
        # Neither a field strength nor a modality is a vendor.
        ("Acquired on a 1.5 T scanner", {"field": "1.5"}),
        ("Acquired on an MR scanner at 0.55 T", {"field": "0.55"}),
        ("1,5 T, EF 0,25", {"field": "1.5", "ef_percent": "25"}),
        # What is denied is not claimed, however many words are between.
        ("No previous myocardial infarction. No evidence of prior myocardial infarction", {}),
        ("Myocardial infarction was excluded", {}),
        ("Myocardial infarction, not dilated", {"diagnosis": "MINF"}),
        ("No LV dilatation, hypertrophy is absent", {"lv_size": "normal", "wall": "none"}),
        ("LV not severely dilated", {}),
        ("Hypertrophy without wall motion abnormality", {"wall": "hypertrophy"}),
        ("LV not hypertrophied but dilated", {"lv_size": "dilated", "wall": "none"}),
        # A number belongs to the quantity before it; one indexed to the body surface is none of the facts.
        ("Reduced ejection fraction with an end-diastolic volume of 240 ml", {"ef": "reduced", "lv_edv_ml": "240"}),
        ("Reduced ejection fraction at 1.5 T", {"ef": "reduced", "field": "1.5"}),
        ("LV EDV 110 mL/m2, ESV index 40, myocardial mass 62 g/m²", {}),
        # The function of diastole or a valve is not the ejection fraction.
        ("Severe diastolic dysfunction with normal ejection fraction", {"ef": "normal"}),
        ("Mitral valve dysfunction, impaired diastolic function", {}),
        ("Diastolic function is impaired", {}),
        ("DCM with normal heart rate", {"diagnosis": "DCM"}),
        # Each ventricle for itself; atria, aorta and the body are neither.
        ("Preserved LVEF with mildly impaired RV function", {"ef": "normal", "rv_ef": "reduced"}),
        ("RVEDV 180 ml and LVEDV 200 ml", {"rv_edv_ml": "180", "lv_edv_ml": "200"}),
        ("LV and RV are dilated", {"lv_size": "dilated"}),
        ("Right ventricular hypertrophy, akinesia of the RV free wall", {}),
        ("LV of normal size with dilated left atrium", {"lv_size": "normal"}),
        ("LV size is normal with dilatation of the aortic root", {"lv_size": "normal"}),
        ("Normal body mass index", {}),
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


@pytest.mark.parametrize("vendor", ["Siemens", "General Electric", "United Imaging Healthcare"])
def test_a_scanner_by_its_own_name_contradicts_nothing(vendor):
    row = {"vendor": vendor, "field_strength_t": 2.89}
    for sentence in (f"{vendor} scanner at 3 T", f"on a scanner of vendor {vendor}", f"Scanner: {vendor}"):
        reading = read(sentence, row)
        assert not reading.warnings and not reading.unknown and "vendor" in reading.facts
    assert len(read("Philips scanner at 1.5 T", row).warnings) == 2


def test_every_written_sentence_is_read_as_what_it_says():
    row = {"diagnosis": "HCM", "vendor": "B", "field_strength_t": 0.55, "lv_edv_ml": 120.0, "lv_esv_ml": 50.0}
    row |= {"rv_edv_ml": 150.0, "rv_ef": 50.0, "myo_mass_g": 180.0, "wall_thickness_max_ed_mm": 18.0}
    facts = facts_of(row)
    for paraphrase in range(200):
        impression = compose(facts, paraphrase, held_out=paraphrase % 2 == 1)
        reading = read(impression.sentence, row)
        assert {name: value.lower() for name, value in impression.said} == {
            name: value.lower() for name, value in reading.facts.items()
        }
        assert not reading.warnings and not reading.unknown


def test_near_a_threshold_nothing_contradicts():
    # 51 % is mildly reduced by the limit of 52 %; nobody would call "normal" wrong.
    assert not read("Normal ejection fraction", {"lv_edv_ml": 100, "lv_esv_ml": 49}).warnings
    assert not conflict("ef_percent", "20", "ef_percent", "25") and conflict(
        "ef_percent", "20", "ef_percent", "60"
    )
    assert not conflict("lv_size", "dilated", "lv_size", "severely dilated")
    assert conflict("motion", "normal", "most_reduced", "inferior") and not conflict(
        "motion", "global", "most_reduced", "inferior"
    )
    assert not conflict("ef", "reduced", "ef", "severely reduced") and conflict(
        "ef", "reduced", "ef", "normal"
    )


def test_lines_of_the_log_name_the_subject():
    lines = warnings_of("g-0001", "normal heart with zebra stripes", FAILING)
    assert len(lines) == 3 and all(line.startswith("g-0001: ") and "\n" not in line for line in lines)
    assert "unknown words 'zebra', 'stripes'" in lines[2]


def test_an_open_diagnosis_is_the_one_that_the_sentence_names() -> None:
    table = pd.DataFrame(
        {
            "diagnosis": [None, None, "NOR", None, None],
            "sentence": [
                "Dilated cardiomyopathy.",
                "Hypertrophic cardiomyopathy.",
                "Dilated cardiomyopathy.",
                "Ejection fraction 30 %.",
                None,
            ],
        }
    )
    told = with_told_diagnoses(table, ["DCM", "NOR"])["diagnosis"]
    # HCM was never seen, the third has a diagnosis of its own, the others name none.
    assert told.where(told.notna(), None).tolist() == ["DCM", None, "NOR", None, None]
    assert table["diagnosis"].isna().sum() == 4  # the table itself stays as it is
