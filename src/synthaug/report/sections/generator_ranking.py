"""Ranking of generators: value and rank in every criterion, and how stable the ranks are."""

from __future__ import annotations

from typing import Any

from synthaug.metric_registry import in_group, split_name
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.report import wording
from synthaug.report.rows import estimate, select, varying
from synthaug.report.section import ReportData, Section
from synthaug.report.table import TEXT, Cell, make_table, signed, with_aside
from synthaug.statistics.generator_ranking import ABOUT, DIFFERENCE, FIRST, KEPT, ORDER, RANK, VALUE
from synthaug.tables import Row

RANKING = in_group("generator ranking")
_COST = in_group("cost")


def generator_ranking(data: ReportData) -> dict[str, Any]:
    """Three tables, a criterion a line and a generator a column: values, ranks, differences to the best."""
    # Rows of a criterion about a task name it; all of them are shown here.
    views = [data, *(view for name, view in data.tasks.items() if name != data.task)]
    rows = [
        row
        for view in views
        for row in select(view.rows, metric=RANKING)
        if view is data or row["task"] == view.task
    ]
    values = select(rows, metric=VALUE)
    generators = list(dict.fromkeys(row["generator"] for row in values))
    criteria = list(dict.fromkeys(tuple(row[key] for key in ABOUT) for row in values))
    several = varying(values, ("extractor",))
    reason = "" if criteria else "the study has fewer than two generators"
    columns = {"criterion": TEXT, "better": TEXT, **dict.fromkeys(generators, TEXT)}
    ranked = {"criterion": TEXT, **dict.fromkeys(generators, TEXT), "order kept": TEXT}
    paired = {"criterion": TEXT, "best": TEXT, **dict.fromkeys(generators, TEXT)}
    body, places, pairs = [], [], []
    for key in criteria:
        own = select(rows, **dict(zip(ABOUT, key, strict=True)))
        by_generator = {row["generator"]: row for row in select(own, metric=VALUE)}
        first = next(iter(by_generator.values()))
        name = with_aside(*_criterion(first, bool(several)))
        body.append([name, first["direction"], *(_value(by_generator.get(one)) for one in generators)])
        order = next(iter(select(own, metric=ORDER)), None)
        places.append([name, *(_rank(own, one) for one in generators), estimate(order)])
        if differences := select(own, metric=DIFFERENCE):
            best = _best(own, generators)
            pairs.append([name, best, *(_to_best(differences, one, best) for one in generators)])
    return {
        "reason": reason,
        "criteria": make_table("Generators, criterion by criterion", columns, body),
        "ranks": make_table("Ranks of the generators", ranked, places),
        "pairs": make_table("Differences to the best generator, over the same requests", paired, pairs),
    }


def _criterion(row: Row, with_extractor: bool) -> tuple[str, str]:
    """Name of a criterion, and where it was measured."""
    metric = str(row["target"])
    base, suffix = split_name(metric)
    phenotype = PHENOTYPES.get(suffix.removeprefix("_"))
    name = f"{wording.base_name(metric)}, {phenotype.title}" if phenotype else wording.row_name(metric)
    about = [f"task {row['task']}"] if row["task"] else []
    about += [f"dose {row['dose']:g}"] if row["dose"] else []
    about += [str(row[key]) for key in ("structure", "phase") if row[key]]
    about += [f"against {row['versus']}"] if row["versus"] and base not in _COST else []
    about += [str(row["extractor"])] if with_extractor and row["extractor"] else []
    return name, ", ".join(about)


def _value(row: Row | None) -> dict[str, Any]:
    found = estimate(row)
    if row is not None:
        metric = str(row["target"])
        found["places"] = wording.decimals(metric)
        found["unit"] = row["unit"] if row["unit"] not in (None, "1") else ""
    return found


def _rank(rows: list[Row], generator: str) -> Cell:
    """Rank with its interval, and in how many replicates it is the same."""
    rank = next(iter(select(rows, metric=RANK, generator=generator)), None)
    if rank is None:
        return None
    kept = next(iter(select(rows, metric=KEPT, generator=generator)), None)
    first = next(iter(select(rows, metric=FIRST, generator=generator)), None)
    text = wording.number(rank["value"], None if rank["value"] % 1 else 0)
    if kept is None or kept["value"] is None:
        return with_aside(text, "stability unknown: no interval")
    ends = " to ".join(wording.number(rank[end], 0) for end in ("ci_low", "ci_high"))
    share = 100 * (first["value"] if first else 0)
    return with_aside(
        text,
        f"{ends}; same in {wording.number(100 * kept['value'], 0)} %, first in {wording.number(share, 0)} %",
    )


def _best(rows: list[Row], generators: list[str]) -> str:
    """The generator of the first rank; none is better where several share it."""
    ranks = {row["generator"]: row["value"] for row in select(rows, metric=RANK)}
    known = [one for one in generators if ranks.get(one) is not None]
    return min(known, key=lambda one: float(ranks[one] or 0)) if known else ""


def _to_best(rows: list[Row], generator: str, best: str) -> dict[str, Any] | None:
    """Difference of a generator to the best one, whichever of the two the row subtracts."""
    for row in rows:
        if (row["generator"], row["other_generator"]) == (generator, best):
            return signed(_value(row))
        if (row["generator"], row["other_generator"]) == (best, generator) and row["value"] is not None:
            turned = {name: None if row[end] is None else -row[end] for name, end in _TURNED.items()}
            return signed(_value({**row, **turned}))
    return None


#: Ends of an interval whose sign is turned, and its value.
_TURNED = {"value": "value", "ci_low": "ci_high", "ci_high": "ci_low"}


def _shows(row: Row) -> bool:
    return row["metric"] in RANKING or row["metric"] in _COST


SECTION = Section(
    title="Generators compared: criteria and ranks",
    menu="Generators",
    order=85,
    content=generator_ranking,
    shows=_shows,
)
