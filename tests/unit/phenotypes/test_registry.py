"""The registry is the one place that says what a phenotype is."""

from __future__ import annotations

from pathlib import Path

from synthaug.config.conditions import MEASURED
from synthaug.labels import FUNCTION_COLUMNS
from synthaug.phenotypes.registry import PHENOTYPES, documented

DOCUMENT = Path(__file__).parents[3] / "docs" / "phenotypes.md"


def test_the_documented_table_is_the_registry() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert documented(text) == text, "run python -m synthaug.phenotypes.registry"


def test_every_phenotype_is_described() -> None:
    assert len(PHENOTYPES) >= 40
    assert sum(item.group != "wall by AHA segment" for item in PHENOTYPES.values()) >= 40
    for item in PHENOTYPES.values():
        assert item.title and item.unit and item.definition and item.reference
        assert item.range[0] < item.range[1]


def test_what_a_cohorts_table_has_keeps_its_name_and_unit() -> None:
    assert set(FUNCTION_COLUMNS) <= set(PHENOTYPES)
    assert all(PHENOTYPES[name].unit == condition.unit for name, condition in MEASURED.items())
