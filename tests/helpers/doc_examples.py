"""The code that the documentation shows, so that tests run what a reader would copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-generator.md"


def example(language: str, containing: str) -> str:
    """The one block of a language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    (found,) = [block for block in blocks if containing in block]
    return found


def write_painted_hearts(folder: Path) -> Path:
    """Save the page's own generator as its reader would."""
    path = folder / "painted_hearts.py"
    path.write_text(example("python", "class PaintedHearts"), encoding="utf-8")
    return path


def painted_sections() -> dict[str, Any]:
    """What the page adds to a study: models, generators, arms."""
    return yaml.safe_load(example("yaml", "painted_hearts"))
