"""Files of the page, listed without importing them: templates, modules of sections and of flags."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from synthaug.report import flags, sections

FOLDER = Path(__file__).parent


def template_files() -> list[str]:
    """Every file that `synthaug.report.render` reads beside the content: templates, style and script."""
    found = [path for pattern in ("**/*.j2", "*.css", "*.js") for path in FOLDER.glob(pattern)]
    return sorted(map(str, found))


def section_modules() -> list[str]:
    """Dotted names of the section modules."""
    return sorted(f"{sections.__name__}.{module.name}" for module in pkgutil.iter_modules(sections.__path__))


def flag_modules() -> list[str]:
    """Dotted names of the modules of flags."""
    return sorted(f"{flags.__name__}.{module.name}" for module in pkgutil.iter_modules(flags.__path__))
