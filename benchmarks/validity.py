"""What the studies in config/studies/validity say, beside what they must say; exit 1 where they differ.

    make validity

runs the four studies and then this file, whose table belongs into docs/validity.md. A study that was not run differs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import read_json

#: Study -> the words its report may have.
EXPECTED = {
    "validity-aa": ("undecided", "equivalent"),
    "validity-planted-benefit": ("helps",),
    "validity-planted-harm": ("hurts",),
    "validity-null": ("undecided", "equivalent"),
}


def said(results: Path, study: str) -> tuple[str, list[str]]:
    """The word of a study's report, and its comparison with each control."""
    content = results / study / "report" / "content.json"
    if not content.is_file():
        return "not run", []
    sections = {section["name"]: section["content"] for section in read_json(content)["sections"]}
    verdict = sections["verdict"]
    lines = verdict["controls"]["rows"] if verdict["controls"] else []
    return verdict["word"], [_comparison(line) for line in lines]


def _comparison(line: list[Any]) -> str:
    """One line of the report's table of controls: ``repeated +0.013 (-0.105 to 0.132), n 8, p 1.000``."""
    _, control, difference, n, p, _ = line
    interval = "({ci_low:.3f} to {ci_high:.3f})".format(**difference)
    adjusted = "" if p is None else ", p < 0.001" if p["p"] < 0.001 else f", p {p['p']:.3f}"
    return f"{control['text']} {difference['value']:+.3f} {interval}, n {n}{adjusted}"


def main(results: Path = Path("results")) -> int:
    """Print the table; 0 where all studies say what they must."""
    print("| study | must say | says | differences from its controls (CI) |\n|---|---|---|---|")
    agree = True
    for study, expected in EXPECTED.items():
        word, comparisons = said(results, study)
        agree &= word in expected
        print(f"| {study} | {' or '.join(expected)} | {word} | {'; '.join(comparisons)} |")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
