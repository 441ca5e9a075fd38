"""Entries of tables: units, commas and words for what is unknown."""

import pytest

from synthaug.data.readers.metadata import Entries, same_id, vendor_name


def read(entry, quantity):
    entries = Entries({"x": entry})
    return entries.number("x", quantity), [finding.code for finding in entries.findings]


#: (entry, quantity) -> number and findings.
NUMBERS = {
    ("180", "height_cm"): (180, []),
    ("1,80", "height_cm"): (180, ["entry-unit"]),
    ("1.80 m", "height_cm"): (180, []),
    ("1800 mm", "height_cm"): (180, []),
    ("0", "height_cm"): (None, []),
    ("n/a", "height_cm"): (None, []),
    ("80 kg", "weight_kg"): (80, []),
    ("80000", "weight_kg"): (80, ["entry-unit"]),
    ("inf", "weight_kg"): (None, ["entry-unread"]),
    ("061Y", "age"): (61, []),
    ("61 years", "age"): (61, []),
    ("18M", "age"): (1.5, []),
    ("sixty", "age"): (None, ["entry-unread"]),
    ("999", "age"): (None, ["entry-unread"]),
    ("1.5T", "field_strength_t"): (1.5, []),
    ("15000", "field_strength_t"): (1.5, ["entry-unit"]),
}


@pytest.mark.parametrize("entry", NUMBERS, ids=" ".join)
def test_numbers(entry):
    value, codes = NUMBERS[entry]
    found, said = read(*entry)
    assert found == (value if value is None else pytest.approx(value)) and said == codes


def test_frames():
    entries = Entries({"a": "3", "b": "3.0", "c": "n/a", "d": "inf", "e": "2.5", "f": "0"})
    assert [entries.frame(key, first=1) for key in "abc"] == [2, 2, None]
    for key, word in (("d", "'inf'"), ("e", "'2.5'"), ("f", "count from 1")):
        with pytest.raises(ValueError, match=word):
            entries.frame(key, first=1)


def test_unknown_is_never_a_category():
    entries = Entries({"vendor": "n/a", "sex": "unknown", "diagnosis": "NaN", "centre": "-"})
    assert (entries.vendor(), entries.sex(), entries.diagnosis(), entries.text("centre")) == (None,) * 4
    assert Entries({"sex": "Female"}).sex() == "F"


def test_a_vendor_has_one_name_whatever_stands_behind_it():
    spelled = (
        "CANON_MEC",
        "TOSHIBA_MEC",
        "Canon Medical Systems",
        "Siemens-Healthineers",
        "GE_MEDICAL SYSTEMS",
    )
    assert [vendor_name(entry) for entry in spelled] == ["Canon", "Canon", "Canon", "Siemens", "GE"]
    assert vendor_name("Genesis") == "Genesis" and vendor_name("UIH") == "UIH" and vendor_name(" ") is None


def test_ids_that_a_spreadsheet_rewrote():
    assert same_id("1", "001") and same_id("1.0", "001") and same_id("A1", "A1")
    assert not same_id("1", "10") and not same_id("A1", "A01")
