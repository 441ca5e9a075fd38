"""Which files of the package a script depends on, read from its import statements.

Snakemake reruns a job when the job's script changes but ignores the modules it imports.
Declared as inputs, these files close that gap: an edit reruns exactly what imports it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).parent


def imported_files(sources: Iterable[str | Path], modules: Iterable[str] = ()) -> list[str]:
    """Files of this package that `sources` import, directly or through one another.

    Parameters
    ----------
    sources : iterable of paths
        Scripts to start from; they are not part of the answer.
    modules : iterable of str
        Dotted names to start from as well: modules that are imported by name at run time.

    Returns
    -------
    list of str
        Sorted paths. Imports inside functions count; imports of other packages do not.
    """
    found: set[Path] = set()
    waiting = [file for source in sources for file in _imports_of(Path(source).resolve())]
    waiting += [file for module in modules for file in _files_of(module)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports_of(file)
    return sorted(str(file) for file in found)


@functools.cache
def _imports_of(source: Path) -> tuple[Path, ...]:
    files: list[Path] = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                files += _files_of(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            files += _files_of(node.module)
            for alias in node.names:  # `from synthaug import cohort` imports a module
                files += _files_of(f"{node.module}.{alias.name}")
    return tuple(files)


def _files_of(module: str) -> list[Path]:
    """Files run when a module of this package is imported: its packages' and its own."""
    top, *parts = module.split(".")
    if top != PACKAGE.name:
        return []
    folder, files = PACKAGE, [PACKAGE / "__init__.py"]
    for part in parts:
        if (folder / f"{part}.py").is_file():
            return [*files, folder / f"{part}.py"]
        folder = folder / part
        if not (folder / "__init__.py").is_file():
            break  # a name defined in the package, not a module
        files.append(folder / "__init__.py")
    return files
