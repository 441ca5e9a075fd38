"""The ranking of a study's generators as a Markdown table: a line a criterion, a column a generator.

    .venv/bin/python benchmarks/generator_table.py docs/five_systems.tsv

Reads a ``generator_ranking.tsv`` of a table version (or a kept copy). A cell is the value with its interval and, behind a semicolon,
the rank; a star where the rank is the same in at least 90 % of the replicates.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pandas as pd

from synthaug.report import wording
from synthaug.statistics.generator_ranking import ABOUT

STABLE = 0.9


def cell(row: pd.Series) -> str:
    """Value, interval and rank of one generator in one criterion."""
    if pd.isna(row["value"]):
        return "not measured"
    places = wording.decimals(row["criterion"])
    value, low, high = (wording.number(row[name], places) for name in ("value", "ci_low", "ci_high"))
    interval = "" if math.isnan(row["ci_low"] + row["ci_high"]) else f" ({low} to {high})"
    star = "*" if row["rank_kept"] >= STABLE else ""
    return f"{value}{interval}; {row['rank']:g}{star}"


def criterion(row: pd.Series) -> str:
    """What the line is about."""
    about = [
        f"{row[name]:g}" if name == "dose" else str(row[name]) for name in ABOUT[1:] if pd.notna(row[name])
    ]
    return f"`{row['criterion']}`" + (f", {', '.join(about)}" if about else "")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("ranking", type=Path)
    ranking = pd.read_csv(parser.parse_args().ranking, sep="\t")
    generators = list(dict.fromkeys(ranking["generator"]))
    print(f"| criterion | better | n | {' | '.join(f'`{name}`' for name in generators)} | order kept |")
    print("|---" * (len(generators) + 4) + "|")
    keys = ["criterion", *ABOUT[1:]]
    for _, own in ranking.groupby(keys, sort=False, dropna=False):
        first = own.iloc[0]
        cells = [cell(row) for name in generators for _, row in own[own["generator"] == name].iterrows()]
        n = own["n"].dropna()
        counts = f"{n.min():g}" + (f" to {n.max():g}" if n.nunique() > 1 else "") if len(n) else ""
        kept = "" if pd.isna(first["order_kept"]) else f"{first['order_kept']:.2f}"
        print(f"| {criterion(first)} | {first['direction']} | {counts} | {' | '.join(cells)} | {kept} |")


if __name__ == "__main__":
    main()
