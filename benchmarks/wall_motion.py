"""Which walls sentences name, against the infarcts that simulated patients were given.

    .venv/bin/python benchmarks/wall_motion.py results/five-systems/raw/phantom-a results/five-systems/phenotypes/phantom-a.tsv

The walls are those of `synthaug.text.facts` (akinetic, or least of a globally hypokinetic ventricle), from phenotypes of the
harmonised masks. An infarct of the simulator is an arc of the short axis. A named wall is right if the arc reaches into its
sector of 60 degrees. The same is counted for other limits of `MOST_REDUCED`, and for the akinetic walls of four instead of
six. docs/text.md keeps what it printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from synthaug.labels import JOINED, WALLS
from synthaug.text import facts

#: First angle of each wall's sector in the simulator's short axis: lateral 0, inferior 90, septum 180 degrees.
SECTORS = {
    "inferolateral": 0,
    "inferior": 60,
    "inferoseptal": 120,
    "anteroseptal": 180,
    "anterior": 240,
    "anterolateral": 300,
}
LIMITS = (0.0, 0.5, 0.6, 2 / 3, 0.75, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raw", type=Path, help="folder of the simulated dataset, with ground_truth.tsv")
    parser.add_argument("phenotypes", type=Path, help="table of its phenotypes")
    arguments = parser.parse_args()
    measured = pd.read_csv(arguments.phenotypes, sep="\t", index_col="subject")
    truth = pd.read_csv(arguments.raw / "ground_truth.tsv", sep="\t", index_col="subject")
    prefix = f"{arguments.raw.name}-"
    measured.index = [str(subject).removeprefix(prefix) for subject in measured.index]
    both = truth.join(measured.filter(like="wall_thickening_aha"), how="inner").dropna(
        subset=["wall_thickening_aha01"]
    )
    infarct, failing = both["asked_infarct_severity"] > 0, both["diagnosis"] == "DCM"
    groups = [both.index[infarct], both.index[failing], both.index[~infarct & ~failing]]
    print("akinetic of four walls:", *(counted(of_four(both), group) for group in groups))
    print("limit  infarcts: named, of which all right  other failing ventricles: named  others: named")
    for limit in LIMITS:
        facts.MOST_REDUCED = limit
        named = {
            subject: list(walls(facts.facts_of(row)))
            for subject, row in both.drop(columns="diagnosis").iterrows()
        }
        hits = [named[subject] for subject in groups[0]]
        right = sum(
            bool(each) and all(reached(wall, row) for wall in each)
            for each, (_, row) in zip(hits, both[infarct].iterrows(), strict=True)
        )
        print(
            f"{limit:5.2f}  {sum(map(bool, hits))} of {len(hits)}, {right}  "
            f"{counted(named, groups[1])}  {counted(named, groups[2])}"
        )


def of_four(hearts: pd.DataFrame) -> dict[str, list[str]]:
    """By subject the akinetic ones of the anterior, septal, inferior and lateral wall, each by the median of its segments."""
    four = {
        wall: hearts[[f"wall_thickening_aha{segment:02d}" for segment in WALLS[wall]]].median(axis=1)
        for wall in ("anterior", "septal", "inferior", "lateral")
    }
    return {
        subject: [wall for wall, thickening in four.items() if thickening[subject] < facts.AKINETIC]
        for subject in hearts.index
    }


def walls(found: facts.Facts) -> Iterator[str]:
    """Each of the six walls that a heart's facts call akinetic or least of all."""
    for name in ("akinetic", "most_reduced"):
        for wall in found.get(name, "").split():
            yield from JOINED.get(wall, (wall,))


def reached(wall: str, row: pd.Series) -> bool:
    """Whether the arc of the infarct reaches into the sector of a wall."""
    apart = abs((row["asked_infarct_centre_deg"] - SECTORS[wall] - 30 + 180) % 360 - 180)
    return bool(apart < 30 + row["asked_infarct_half_width_deg"])


def counted(named: dict[str, list[str]], subjects: pd.Index) -> str:
    """How many of the subjects have a wall named."""
    return f"{sum(bool(named[subject]) for subject in subjects)} of {len(subjects)}"


if __name__ == "__main__":
    main()
