"""What the studies in config/studies/validity say, beside what they must say; exit 1 where they differ.

    make validity

runs the four studies and then this file, whose table belongs into docs/validity.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from synthaug.core.artifacts import read_json

#: Study -> the words its report may have.
EXPECTED = {
    "validity-aa": ("undecided", "equivalent"),
    "validity-planted-benefit": ("helps",),
    "validity-planted-harm": ("hurts",),
    "validity-null": ("undecided", "equivalent"),
}


def said(results: Path, study: str) -> tuple[str, list[str]]:
    """The word of a study's report and the sentences it rests on."""
    content = results / study / "report" / "content.json"
    if not content.is_file():
        return "not run", []
    verdict = read_json(content)["verdict"]
    sentences = [
        sentence["text"] for arm in verdict["arms"] for sentence in arm["sentences"] if sentence["counts"]
    ]
    return verdict["word"], sentences


def main(results: Path = Path("results")) -> int:
    """Print the table; 0 where all studies say what they must."""
    print("| study | must say | says | because |\n|---|---|---|---|")
    agree = True
    for study, expected in EXPECTED.items():
        word, sentences = said(results, study)
        agree &= word in expected
        print(f"| {study} | {' or '.join(expected)} | {word} | {'; '.join(sentences)} |")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
