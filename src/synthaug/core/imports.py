"""Which files a script depends on, read from its import statements.

Snakemake sees when a job's script was written and ignores the modules it imports. A hash of the script and of these
files (`synthaug.core.code_hash`), as a parameter of the rule, closes that gap: an edit reruns exactly what imports it.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from synthaug.core.syntax import Import, syntax_of

PACKAGE = Path(__file__).parents[1]


class Home(NamedTuple):
    """Where the modules lie whose code counts.

    Attributes
    ----------
    folder : Path
        Folder of the top-level modules.
    name : str or None
        The one top-level package of that folder which counts; None where all do.
    """

    folder: Path
    name: str | None


_OWN = Home(PACKAGE.parent, PACKAGE.name)


def imported_files(sources: Iterable[str | Path], modules: Iterable[str] = ()) -> list[str]:
    """Files of this package that `sources` import, directly or through one another.

    Parameters
    ----------
    sources : iterable of paths
        Scripts to start from; they are not part of the answer.
    modules : iterable of str
        Dotted names to start from as well: modules that are imported by name at run time. Where one lies
        outside this package, what it imports from beside it counts as well.

    Returns
    -------
    list of str
        Sorted paths. Imports inside functions count; those for type checkers alone and those of other packages do
        not. A name of a package that imports its names at their first use (PEP 562) counts as the module that
        its ``if TYPE_CHECKING:`` block takes the name from; such a package as a whole counts as all of them.
    """
    modules = list(modules)
    homes = tuple(dict.fromkeys([_OWN, *filter(None, map(home_of, modules))]))
    found: set[Path] = set()
    waiting = [file for source in sources for file in _imports_of(Path(source).resolve(), homes)]
    waiting += [file for module in modules for file in _files_of(module, homes)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports_of(file, homes)
    return sorted(str(file) for file in found)


def home_of(module: str) -> Home | None:
    """Where a module's top-level package or file lies, without importing it; None where it is not found.

    Looked for where Python looks and, last, in the working directory, which is put on Python's path for that.
    Files beside a user's module are the user's own; those beside an installed package are other packages.
    """
    top = module.partition(".")[0]
    if top == PACKAGE.name:
        return _OWN
    here = str(Path.cwd())
    if here not in sys.path:  # last, so that a stray file there shadows nothing that is installed
        sys.path.append(here)
    spec = importlib.util.find_spec(top)
    if spec is None or not (spec.origin or spec.submodule_search_locations):
        return None
    places = spec.submodule_search_locations  # of a package; of a single file there are none
    folder = Path(next(iter(places)) if places else str(spec.origin)).resolve().parent
    installed = {Path(sysconfig.get_path(scheme)).resolve() for scheme in ("purelib", "platlib", "stdlib")}
    return Home(folder, top if folder in installed else None)


@functools.cache
def _imports_of(source: Path, homes: Sequence[Home]) -> tuple[Path, ...]:
    imports = syntax_of(source).imports
    return tuple(file for statement in imports for file in _files_of_import(statement, source, homes))


def _files_of_import(statement: Import, source: Path, homes: Sequence[Home]) -> list[Path]:
    """Files run by an import statement of a file."""
    files: list[Path] = []
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            files += _files_of(alias.name, homes)
    else:
        module = statement.module.split(".") if statement.module else []
        for alias in statement.names:  # `from synthaug.data import cohort` imports a module
            if statement.level:
                files += _files_below(source.parents[statement.level - 1], [*module, alias.name], homes)
            else:
                files += _files_of(".".join((*module, alias.name)), homes)
    return files


@functools.cache
def _imported_when_asked(package: Path, homes: Sequence[Home]) -> Mapping[str, Sequence[Path]]:
    """Files that each name of a package stands for, where ``__init__.py`` imports its names at their first use."""
    return {
        alias.asname or alias.name: _files_of_import(statement, package, homes)
        for statement in syntax_of(package).imports_when_asked
        for alias in statement.names
    }


def _files_of(module: str, homes: Sequence[Home]) -> list[Path]:
    """Files run when a module is imported, where it lies in one of the homes."""
    parts = module.split(".")
    return [
        file
        for home in homes
        if home.name in (None, parts[0])
        for file in _files_below(home.folder, parts, homes)
    ]


def _files_below(folder: Path, parts: Sequence[str], homes: Sequence[Home]) -> list[Path]:
    """Files run when a dotted module below a folder is imported: its packages' and its own."""
    files: list[Path] = []
    for part in parts:
        if (folder / f"{part}.py").is_file():
            return [*files, folder / f"{part}.py"]
        if not (folder / part).is_dir():  # a name defined in the package, or *
            return [*files, *_files_when_asked(folder, None if part == "*" else part, homes)]
        folder = folder / part
        if (folder / "__init__.py").is_file():
            files.append(folder / "__init__.py")
    return [*files, *_files_when_asked(folder, None, homes)]


def _files_when_asked(folder: Path, name: str | None, homes: Sequence[Home]) -> list[Path]:
    """Files run when a name of a package, or None for any, is used; none where that imports nothing."""
    package = folder / "__init__.py"
    files = _imported_when_asked(package, homes) if package.is_file() else {}
    names = files if name is None else {name} & files.keys()
    return [file for name in names for file in files[name]]
