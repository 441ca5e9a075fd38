"""Long-format result rows: one fact a row, with its status and what it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, Literal, NamedTuple

import pandas as pd

#: One result row: column -> value; columns that are left out are empty.
Row = dict[str, Any]

STATUSES = (
    "ok",
    "empty_both",
    "missing_prediction",
    "missing_reference",
    "extractor_absent",
    "not_measured",
    "failed",
)
#: Statuses that come with a value. A structure that one mask has and the other lacks scores the worst
#: its definition allows, and says so: left empty, it would drop out of means, which would then improve.
VALUED_STATUSES = ("ok", "missing_prediction", "missing_reference")


class Column(NamedTuple):
    """A column of every result table.

    Attributes
    ----------
    name : str
        As it stands in the header.
    kind : str
        ``"text"``, ``"number"``, or ``"integer"`` for what counts something.
    meaning : str
        What it says, in a line.
    key : bool
        Whether it says what the row is about, as opposed to what was found; no two rows are about the same.
    required : bool
        Whether it must not be empty.
    low, high : float, optional
        Least and greatest value allowed.
    among : tuple of str
        The values allowed; any where empty.
    """

    name: str
    kind: Literal["text", "number", "integer"]
    meaning: str
    key: bool = False
    required: bool = False
    low: float | None = None
    high: float | None = None
    among: tuple[str, ...] = ()


#: Columns of every result table, in this order: names, types, ranges and the schema come from here only.
#: Ends of an interval are a pair ``<name>_low``, ``<name>_high``, which the schema keeps in order.
TABLE = (
    Column("metric", "text", "dice, hd95, edv_error_ml, fvd_t, ...", key=True, required=True),
    Column("definition", "text", "id and version of the definition", key=True, required=True),
    Column("unit", "text", "1, mm, mL, g, %, or empty"),
    Column("direction", "text", "which way is better", among=("higher", "lower", "none")),
    Column("value", "number", "measured value; empty if the status has no value"),
    Column(
        "status",
        "text",
        "whether there is a value, or the reason for its absence",
        required=True,
        among=STATUSES,
    ),
    Column("note", "text", "reason for the status, what was drawn or left out, a caveat"),
    Column("n", "integer", "number of units (subjects, clips)", low=0),
    Column("d", "integer", "dimension of the feature vectors of a distance", low=1),
    Column("ci_low", "number", "lower end of the interval, in the unit of the value"),
    Column("ci_high", "number", "upper end of the interval"),
    Column(
        "floor",
        "number",
        "real-versus-real distance: the same distance between disjoint real halves of the same n",
    ),
    Column("floor_sd", "number", "its standard deviation over random halves", low=0),
    Column("p_value", "number", "test of the difference, with random patients and trainings", low=0, high=1),
    Column("p_adjusted", "number", "Holm-adjusted over the declared family; empty outside it", low=0, high=1),
    Column("p_wilcoxon", "number", "Wilcoxon test over patients only, trainings averaged", low=0, high=1),
    Column("p_permutation", "number", "sign-flip test over patients only, trainings averaged", low=0, high=1),
    Column("p_equivalence", "number", "two one-sided tests against the declared margin", low=0, high=1),
    Column("effect_size", "number", "paired difference over its standard deviation between patients"),
    Column(
        "detectable",
        "number",
        "smallest true difference detected with the declared power; at most what the metric can differ by",
        low=0,
    ),
    Column(
        "patients_needed",
        "integer",
        "patients that detect a difference as large as the margin; empty if none suffice",
        low=0,
    ),
    Column(
        "generator_trainings",
        "integer",
        "independent trainings of the generator (folds times generator seeds); below 3 the interval holds for "
        "these only",
        low=1,
    ),
    Column("boot_low", "number", "lower end of the hierarchical bootstrap's interval"),
    Column("boot_high", "number", "upper end of the same"),
    Column("task", "text", "downstream task that is scored", key=True),
    Column("arm", "text", "training set of the task", key=True),
    Column("versus", "text", "arm or cohort this row compares with", key=True),
    Column("generator", "text", "generator of the synthetic subjects", key=True),
    Column(
        "other_generator",
        "text",
        "generator in the denominator of a ratio of two, or subtracted in a difference of two",
        key=True,
    ),
    Column("dose", "number", "synthetic subjects per real training patient", key=True, low=0),
    Column("fold", "integer", "fold; empty if folds are pooled", key=True, low=0),
    Column("training_seed", "integer", "seed of the task's training", key=True, low=0),
    Column("generator_seed", "integer", "seed of the generator's training and sampling", key=True, low=0),
    Column("extractor", "text", "id: architecture, weights hash, preprocessing", key=True),
    Column("subject", "text", "subject (one visit of a patient); empty in a row over several", key=True),
    Column("patient", "text", "patient of the subject; visits of one patient share it; empty: the subject"),
    Column(
        "role",
        "text",
        "role of the subject in the split; of a row over several: test_within, all held out within the "
        "training vendors; empty: the tested patients of the verdict",
        key=True,
        among=("test", "test_within"),
    ),
    Column("phase", "text", "ED, ES or empty", key=True),
    Column("target", "text", "class, phenotype or criterion that the value is about", key=True),
    Column("structure", "text", "LV, MYO, RV or empty", key=True),
    Column("vendor", "text", "scanner vendor of the patients; empty if pooled", key=True),
    Column("diagnosis", "text", "diagnosis of the patients; empty if pooled", key=True),
)
COLUMNS = tuple(column.name for column in TABLE)
TEXT_COLUMNS = tuple(column.name for column in TABLE if column.kind == "text")
INTEGER_COLUMNS = tuple(column.name for column in TABLE if column.kind == "integer")
KEY_COLUMNS = tuple(column.name for column in TABLE if column.key)


def make_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a result table of rows that a program measured.

    Parameters
    ----------
    rows : iterable of mappings
        Keys among `COLUMNS`; `metric`, `definition`, `status` are required, and `value`
        exactly where the status is one of `VALUED_STATUSES`. Files of rows are checked in
        full when they are read (`synthaug.tables.schema.read_rows`). An infinite value, which a
        division by something that does not vary leaves, makes a row that is not measured and says so.

    Raises
    ------
    ValueError
        A row has an unknown column or status, or its value and status disagree.
    """
    rows = [_finite(dict(row)) for row in rows]
    for row in rows:
        unknown = set(row) - set(COLUMNS)
        if unknown:
            raise ValueError(f"result row has unknown columns {sorted(unknown)}")
        if row.get("status") not in STATUSES:
            raise ValueError(f"result row {row.get('metric')} has status {row.get('status')!r}")
        if (row["status"] in VALUED_STATUSES) == bool(pd.isna(row.get("value"))):
            raise ValueError(f"result row {row} has a value that disagrees with its status")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """The row without infinite numbers."""
    infinite = [key for key, value in row.items() if isinstance(value, Real) and math.isinf(value)]
    changed = {**row, **dict.fromkeys(infinite, math.nan)}
    if "value" in infinite:
        note = "; ".join(filter(None, [row.get("note"), "what it is divided by is 0: the data do not vary"]))
        changed |= {"status": "not_measured", "ci_low": math.nan, "ci_high": math.nan, "note": note}
    return changed


def about(row: Mapping[str, Any]) -> str:
    """What a row is about, in one line: ``dice, arm real, fold 0, subject p-1``."""
    parts = []
    for column in KEY_COLUMNS:
        value = row.get(column)
        if value is None or bool(pd.isna(value)) or column == "definition":
            continue
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        parts.append(shown if column == "metric" else f"{column.replace('_', ' ')} {shown}")
    return ", ".join(parts)


def key_text(rows: pd.DataFrame) -> pd.DataFrame:
    """What each row is about, as text that compares: columns `KEY_COLUMNS`, empty where unknown."""
    return rows[list(KEY_COLUMNS)].astype("string").fillna("")
