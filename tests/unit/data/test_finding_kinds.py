"""Every finding has a kind, every kind is found somewhere, and the page says what the code says."""

from __future__ import annotations

import ast
from pathlib import Path

from synthaug.data.finding_kinds import KINDS, page
from synthaug.data.findings import EXCLUDED

REPOSITORY = Path(__file__).parents[3]
RAISED = {"SubjectError", "unusable", "_failed", "refused", "Recognised", "NoStack"}
SAID = {"Finding", "FileFinding"}


def codes() -> dict[str, set[str]]:
    """Name of the call -> codes that the package calls it with."""
    found: dict[str, set[str]] = {}
    for file in (REPOSITORY / "src" / "synthaug").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in RAISED | SAID:
                strings = [
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and arg.value in KINDS
                ]
                found.setdefault(name, set()).update(strings)
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and name not in ("FileFinding", "_failed"):
                    assert first.value in KINDS, f"{file}: {first.value} is no kind"
    return found


def test_every_kind_is_found_and_excludes_where_it_is_raised():
    found = codes()
    raised = set().union(*(found.get(name, set()) for name in RAISED))
    said = set().union(*(found.get(name, set()) for name in SAID))
    assert set(KINDS) - raised - said == set()
    assert {code for code in raised - said if KINDS[code].effect != EXCLUDED} == set()


def test_the_page_is_generated():
    assert (REPOSITORY / "docs" / "findings.md").read_text(encoding="utf-8") == page()
