"""Result rows held to one schema, each fault said in one line; made from `synthaug.tables.TABLE`.

``python -m synthaug.tables.schema`` writes the columns into ``docs/tables.md``; a test holds them equal.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import OF_TARGET, POINTS, find_metric
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.tables.rows import (
    COLUMNS,
    INTEGER_COLUMNS,
    KEY_COLUMNS,
    STATUSES,
    TABLE,
    TEXT_COLUMNS,
    VALUED_STATUSES,
    Column,
    about,
)

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

DOCUMENT = Path(__file__).parents[3] / "docs" / "tables.md"
BEGIN, END = "<!-- columns: written by python -m synthaug.tables.schema -->", "<!-- end of columns -->"
_TYPES = {"text": "string", "number": "float64", "integer": "Int64"}
_SHOWN = 5  # faults of one file that are said one by one; the rest is counted


class Rule(NamedTuple):
    """Something that holds of every row: its name, what is said where it does not, and what to do."""

    name: str
    problem: str
    remedy: str


_AGREE = Rule("value agrees with status", "its value disagrees with its status", "write it again")
_KNOWN = Rule(
    "definition is known",
    "metric and definition are not those of synthaug.metric_registry",
    "measure it again, or define it there",
)
_UNIT = Rule("unit is the definition's", "its unit is not that of its definition", "measure it again")
_ALONE = Rule("about something of its own", "another row is about the same", "collate each result once")
_ORDER = Rule("interval is in order", "its interval ends below where it begins", "measure it again")


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read one file of result rows and check it against the schema.

    Parameters
    ----------
    path : path
        A TSV file with columns among `synthaug.tables.COLUMNS`; columns it lacks are empty.

    Returns
    -------
    DataFrame
        All columns of the schema, in its order and types.

    Raises
    ------
    SynthaugError
        One line for each fault: the file, what the row is about, what is wrong, what to do.
    """
    table = read_tsv(path, TEXT_COLUMNS)
    unknown = [column for column in table.columns if column not in COLUMNS]
    if unknown:
        raise SynthaugError(
            f"{path}: unknown column {unknown[0]!r}; result rows have the columns of docs/tables.md"
        )
    return check_rows(typed(table.reindex(columns=list(COLUMNS)), path), path)


def typed(table: pd.DataFrame, where: str | Path) -> pd.DataFrame:
    """Columns of the schema in the same types, whatever a file happened to leave empty.

    Raises
    ------
    SynthaugError
        A column of `where` cannot be of its type.
    """
    types: dict[str, Any] = dict.fromkeys(table.columns, _TYPES["number"])
    types |= dict.fromkeys(INTEGER_COLUMNS, _TYPES["integer"]) | dict.fromkeys(TEXT_COLUMNS, _TYPES["text"])
    for column, kind in types.items():
        try:
            table[column] = table[column].astype(kind)
        except (TypeError, ValueError) as error:
            raise SynthaugError(f"{where}: column {column} is not {kind} ({error}); write it again") from None
    return table


def check_rows(table: pd.DataFrame, where: str | Path) -> pd.DataFrame:
    """Check typed rows against the schema and return them.

    Parameters
    ----------
    table : DataFrame
        Columns of the schema in its types (`typed`), with an index that counts the rows.
    where : path
        What the errors name.

    Raises
    ------
    SynthaugError
        One line for each fault, the first few of them.
    """
    from pandera.errors import SchemaErrors

    try:
        return row_schema().validate(table, lazy=True)
    except SchemaErrors as errors:
        faults = errors.failure_cases
    cases = faults.drop_duplicates(["check", "index"]).sort_values("index", kind="stable")
    said = [f"{where}: {_fault(case, table)}" for case in cases.to_dict("records")]
    more = len(said) - _SHOWN
    if more > 0:
        said = [*said[:_SHOWN], f"{where}: {more} more such fault{'s' if more > 1 else ''}; mend these first"]
    raise SynthaugError("\n".join(said)) from None


@functools.cache
def row_schema() -> DataFrameSchema:
    """The schema of all result tables: strict, every column by its entry in `synthaug.tables.TABLE`."""
    import pandera.pandas as pa

    def wide(rule: Rule, test: Any) -> Any:
        return pa.Check(test, name=rule.name, error=f"{rule.problem}; {rule.remedy}")

    pairs = [
        (name, f"{name.removesuffix('_low')}_high")
        for name in COLUMNS
        if name.endswith("_low") and f"{name.removesuffix('_low')}_high" in COLUMNS
    ]
    return pa.DataFrameSchema(
        {column.name: pa.Column(_TYPES[column.kind], _checks(column), nullable=True) for column in TABLE},
        checks=[
            wide(_AGREE, _value_agrees),
            wide(_KNOWN, _definition_known),
            wide(_UNIT, _unit_known),
            wide(_ALONE, lambda table: ~table.duplicated(list(KEY_COLUMNS))),
            *(
                wide(_ORDER, lambda table, low=low, high=high: ~(table[low] > table[high]))
                for low, high in pairs
            ),
        ],
        strict=True,
        ordered=True,
    )


def _checks(column: Column) -> list[Any]:
    import pandera.pandas as pa

    checks = []
    if column.required:
        checks.append(pa.Check(lambda values: values.notna(), error="is empty; write it", ignore_na=False))
    if column.low is not None:
        error = f"is below {column.low:g}; measure it again"
        checks.append(pa.Check.greater_than_or_equal_to(column.low, error=error))
    if column.high is not None:
        error = f"is above {column.high:g}; measure it again"
        checks.append(pa.Check.less_than_or_equal_to(column.high, error=error))
    if column.among:
        error = f"is unknown; known are {', '.join(column.among)}"
        checks.append(pa.Check.isin(list(column.among), error=error))
    return checks


def _value_agrees(table: pd.DataFrame) -> pd.Series[bool]:
    # Where the status itself is unknown, that is what is said.
    known = table["status"].isin(STATUSES)
    return ~known | (table["status"].isin(VALUED_STATUSES) == table["value"].notna())


def _definition_known(table: pd.DataFrame) -> pd.Series[bool]:
    ids = {metric: find_metric(metric) for metric in table["metric"].dropna().unique()}
    expected = table["metric"].map({metric: found.definition for metric, found in ids.items() if found})
    return (
        table["metric"].isna() | table["definition"].isna() | table["definition"].eq(expected).fillna(False)
    )


def _unit_known(table: pd.DataFrame) -> pd.Series[bool]:
    ids = {metric: find_metric(metric) for metric in table["metric"].dropna().unique()}
    expected = table["metric"].map({metric: found.unit for metric, found in ids.items() if found})
    units = table["unit"].fillna("")
    of_target = expected.eq(OF_TARGET).fillna(False)
    # A phenotype of the user's own table has whatever unit it has.
    known = table["target"].map({name: phenotype.unit for name, phenotype in PHENOTYPES.items()})
    points = known.eq("%") & units.eq(POINTS)
    fits = known.isna() | units.eq(known).fillna(True) | points.fillna(False)
    return expected.isna() | fits.where(of_target, units.eq(expected).fillna(True))


def _fault(case: dict[str, Any], table: pd.DataFrame) -> str:
    """One case that pandera found, in one line."""
    if pd.isna(case["index"]):
        return f"{case['column']}: {case['check']}; result rows have the columns of docs/tables.md"
    row = {str(name): value for name, value in table.loc[int(case["index"])].items()}
    if case["schema_context"] == "DataFrameSchema":
        return f"row {int(case['index']) + 1} ({about(row)}): {case['check']}"
    value: Any = row[case["column"]]
    shown = "" if pd.isna(value) else f" {value!r}" if isinstance(value, str) else f" {value:g}"
    return f"row {int(case['index']) + 1} ({about(row)}): {case['column']}{shown} {case['check']}"


def markdown() -> str:
    """The columns as the table that ``docs/tables.md`` shows."""
    lines = ["| column | type | key | allowed | meaning |", "|---|---|---|---|---|"]
    for column in TABLE:
        allowed = ", ".join(f"`{value}`" for value in column.among)
        if column.low is not None:
            allowed = f"{column.low:g} to {column.high:g}" if column.high is not None else f"≥ {column.low:g}"
        allowed = f"{allowed} (required)".strip() if column.required else allowed
        cells = (f"`{column.name}`", column.kind, "yes" if column.key else "", allowed, column.meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def documented(text: str) -> str:
    """The document `text` with its table of columns as they are now."""
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{markdown()}{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
