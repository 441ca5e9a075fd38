"""Links of the documentation: each leads to a file of the repository and, behind a #, to a heading of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PAGES = [
    *REPOSITORY.glob("*.md"),
    *(
        page
        for folder in ("docs", "config", "benchmarks", "envs", "tests")
        for page in sorted((REPOSITORY / folder).rglob("*.md"))
    ),
]
_FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def headings(text: str) -> set[str]:
    """Fragments that lead into a page, as the common hosts of Git make them: words in lower case between hyphens."""
    titles = re.findall(r"^#+ (.*)$", _FENCED.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    text = re.sub(r"`[^`\n]*`", "", _FENCED.sub("", page.read_text(encoding="utf-8")))
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, fragment = link.partition("#")
        if re.match(r"\w+:", name):
            continue
        target = page.parent / name if name else page
        leads = target.exists() and (not fragment or fragment in headings(target.read_text(encoding="utf-8")))
        if not leads:
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_to_files_and_headings(page):
    assert broken(page) == []


def test_what_leads_nowhere_is_found(tmp_path):
    (tmp_path / "there.md").write_text("# One thing, and `another`\n```\n# a comment\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md#one-thing-and-another) [b](there.md#a-comment) [c](gone.md) [d](#page) "
        "`[e](gone.md)` [f](https://example.org/#x)\n# Page\n"
    )
    assert broken(page) == ["there.md#a-comment", "gone.md"]
