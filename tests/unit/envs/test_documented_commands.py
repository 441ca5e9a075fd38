"""Commands of the documentation: Snakemake takes what follows --configfile, up to the next option, for study files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "Snakefile",
    REPOSITORY / "Makefile",
    REPOSITORY / "src" / "synthaug" / "jobs" / "debug_job.py",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "config").rglob("*.md")),
    *sorted((REPOSITORY / "config").rglob("*.yaml")),
    *sorted((REPOSITORY / "benchmarks").rglob("*.md")),
    *sorted((REPOSITORY / "benchmarks").rglob("*.py")),
    *sorted((REPOSITORY / "tests" / "real").rglob("*.py")),
]


def wrong_values(text: str) -> list[str]:
    """Words that stand where a target would be, though an option takes them for its values."""
    found = []
    for command in re.findall(r"snakemake (?:\\\n|[^`\n])*", text):
        command = re.split(r"\s{2,}#|\s*(?:\|\||[;|)>])|\s{3,}", re.sub(r"\\\n#?\s*", " ", command))[0]
        for option, values in re.findall(r"--(\S+?)[ =]((?:'[^']*'|\"[^\"]*\"|(?!-)\S+|\s(?!-))*)", command):
            words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", values)
            if option in ("configfile", "configfiles"):
                found += [word for word in words if not re.search(r"\.ya?ml['\"]?$|^\$|^STUDY$|^X$", word)]
            elif option in ("config", "set-resources", "default-resources", "resources", "set-threads"):
                found += [word for word in words if "=" not in word]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_targets_stand_before_the_options_that_would_take_them(page):
    assert wrong_values(page.read_text(encoding="utf-8")) == []


def test_a_target_behind_the_study_is_found():
    assert wrong_values("snakemake --profile p --configfile a.yaml train_all") == ["train_all"]
    assert wrong_values("`snakemake --configfile a.yaml --config 'a={b c}' all -n`") == ["all"]
    assert wrong_values("snakemake train_all --configfile a.yaml --config a=1 --cores 2") == []
    assert wrong_values("snakemake --configfile a.yaml \\\n    --config 'd={\"a\": 1}'\n") == []
