"""Layers point one way: a folder of the package imports only from those above it in docs/code.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "synthaug"


def documented_order() -> list[str]:
    """Folders and files of the package, lowest layer first."""
    page = (REPOSITORY / "docs" / "code.md").read_text(encoding="utf-8")
    table = page[page.index("| folder or file |") : page.index("Tests of `tests/unit/`")]
    return re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", table, re.MULTILINE)


def imported_rooms(file: Path) -> set[str]:
    """Folders and files right below the package that a module imports from, wherever the import stands."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "synthaug":
            modules += [f"synthaug.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.append(node.module)
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    parts = [module.split(".") for module in modules]
    return {names[1] for names in parts if names[0] == "synthaug" and len(names) > 1 and names[1][0] != "_"}


ORDER = documented_order()


def test_the_page_names_every_folder_and_file():
    rooms = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert set(ORDER) == rooms and len(ORDER) == len(rooms)


@pytest.mark.parametrize("room", ORDER)
def test_nothing_is_imported_from_below(room):
    folder = PACKAGE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]
    allowed = {*ORDER[: ORDER.index(room)], room}
    assert {file.name: wrong for file in files if (wrong := imported_rooms(file) - allowed)} == {}


def test_metrics_import_nothing_of_the_package_but_labels():
    files = sorted((PACKAGE / "metrics").glob("*.py"))
    assert set().union(*map(imported_rooms, files)) <= {"metrics", "labels"}


def test_a_plan_imports_no_heavy_library():
    """Every plan, and every job on a cluster, imports what the rules import; these take seconds each."""
    files = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))]
    found = (re.findall(r"^from (synthaug[\w.]*) import", file.read_text(), re.MULTILINE) for file in files)
    modules = sorted({module for modules in found for module in modules})
    assert "synthaug.config.study" in modules
    heavy = ("torch", "scipy.interpolate", "monai", "nnunetv2", "matplotlib")
    script = f"import sys, {', '.join(modules)}; print(*[name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""
