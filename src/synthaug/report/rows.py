"""Result rows for the sections of the report: as mappings, selected, with the reason for a missing value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from synthaug.metric_registry import in_group
from synthaug.report import wording
from synthaug.tables import Row

#: Writes a figure (name, SVG, title, alternative text) and returns its entry for the page.
Draw = Callable[[str, str, str, str], dict[str, str]]

OVERLAP = in_group("overlap")
CALIBRATION = in_group("calibration")
CLINICAL = in_group("cardiac function errors")
CLASSIFICATION = in_group("classification")
REGRESSION = in_group("regression")
DISTANCES = in_group("distances")
FIDELITY = in_group("fidelity")
TEXT = in_group("text agreement")
MIXING = in_group("mixing")


def records(table: pd.DataFrame) -> list[Row]:
    """Rows as mappings; unknown values are None."""
    found = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in found]


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Rows whose columns have these values; a tuple allows any of its members."""
    return [
        row
        for row in rows
        if all(
            row[column] in value if isinstance(value, tuple) else row[column] == value
            for column, value in wanted.items()
        )
    ]


def pooled(rows: Iterable[Row]) -> list[Row]:
    """Rows about all patients of the verdict, vendors and diagnoses together."""
    return select(rows, subject=None, vendor=None, role=None, diagnosis=None)


def broadest(rows: Sequence[Row]) -> list[Row]:
    """Of rows at several levels, those about all structures, phases and targets, or the next finer level."""
    for level in ({"structure": None, "phase": None, "target": None}, {"phase": None, "target": None}):
        found = select(rows, **level)
        if found:
            return found
    return list(rows)


def by_synthetic_run(rows: Iterable[Row]) -> Iterator[tuple[dict[str, Any], list[Row]]]:
    """Rows by generator, fold and generator seed, with these as keys."""
    keys = ("generator", "fold", "generator_seed")
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    for run, own in groups.items():
        yield dict(zip(keys, run, strict=True)), own


def varying(rows: Sequence[Row], columns: Iterable[str]) -> list[str]:
    """Those of the columns in which the rows differ; unknown is no difference."""
    return [column for column in columns if len({row[column] for row in rows} - {None}) > 1]


def run_label(row: Row, columns: Iterable[str]) -> str:
    """Label that distinguishes a row from others of its metric: the values of the differing columns."""
    known = {column.replace("_", " "): row[column] for column in columns if row[column] is not None}
    return ", ".join(f"{name} {value}" for name, value in known.items())


def shows_metrics(*metrics: str) -> Callable[[Row], bool]:
    """Whether a row is of one of these metrics, over all vendors and diagnoses (`Section.shows`)."""
    names = frozenset(metrics)
    return lambda row: row["metric"] in names and not row["vendor"] and not row["diagnosis"]


def estimate(row: Row | None) -> dict[str, Any]:
    """Content of a cell: value with interval and n, or the reason for a missing value."""
    keys = (
        *("value", "status", "note", "n", "ci_low", "ci_high", "floor", "floor_sd", "p_value", "p_adjusted"),
        *(
            "p_wilcoxon",
            "p_permutation",
            "p_equivalence",
            "effect_size",
            "detectable",
            "boot_low",
            "boot_high",
        ),
    )
    if row is None:
        absent = {"status": "not_measured", "places": None, "text": wording.STATUSES["not_measured"]}
        return {**dict.fromkeys(keys), **absent}
    return {
        **{key: row[key] for key in keys},
        "places": wording.decimals(row["metric"]),
        "text": wording.STATUSES.get(row["status"], ""),
    }
