"""Classes from outside the package: found, their code hashed, and imported only where a study or a caller names them.

A weight file, a description of a generator and the record of a training say which class they need. A file that came from
elsewhere could say any, and importing a module runs it. So the name in a file is followed only if the same name was given
by `name_plugins` before: a workflow's job gives those of its study (`synthaug.jobs.job`), a program those that it passes.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.imports import PACKAGE, home_of, imported_files

#: ``module:Class`` of what may be imported because a file says so.
_named: set[str] = set()
#: Keys of a study whose value may be ``module:Class``.
_KEYS = ("class", "trainer", "planner")


def name_plugins(references: Iterable[str]) -> None:
    """Say that files which name these classes may have their code imported; holds until this process ends.

    Parameters
    ----------
    references : iterable of str
        Each ``module:Class``.
    """
    _named.update(references)


def named_plugins() -> list[str]:
    """What `name_plugins` was given, sorted."""
    return sorted(_named)


def plugins_in(content: Any) -> Iterator[str]:
    """Every ``module:Class`` of a study as it is read from YAML."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key in _KEYS and isinstance(value, str) and ":" in value:
                yield value
            yield from plugins_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from plugins_in(value)


def check_named(reference: str, file: str | Path) -> None:
    """Refuse a class that a file names and nobody else; nothing is imported.

    Parameters
    ----------
    reference : str
        ``module:Class``; those of this package pass.
    file : path
        What names it.

    Raises
    ------
    SynthaugError
        `name_plugins` was not given it.
    """
    if reference.partition(".")[0] != PACKAGE.name and reference not in _named:
        raise SynthaugError(
            f"{file}: names the class {reference}, which is from outside the package and which no study that runs here "
            "names; its code is not run. If it is yours, give it to synthaug.core.plugins.name_plugins first"
        )


def load_class(reference: str, base: type) -> Any:
    """Import a class by name, from where Python looks or, last, from the working directory.

    The name is a study's or a caller's own; for one that a file says see `check_named`. From now on files may say it too.

    Parameters
    ----------
    reference : str
        ``module:Class``.
    base : type
        What the class must be derived from.

    Raises
    ------
    SynthaugError
        No such module or class, a module that cannot be imported, or a class of another kind or with
        parts missing.
    """
    module_name, _, name = reference.partition(":")
    name_plugins([reference])
    if home_of(module_name) is None:
        raise SynthaugError(
            f"class: no module {module_name!r} in {Path.cwd()} or where Python looks; put it there, or its folder on "
            "PYTHONPATH"
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a user's module does when it runs
        raise SynthaugError(
            f"class: module {module_name!r} cannot be imported ({type(error).__name__}: {error}); mend it"
        ) from error
    found = getattr(module, name, None)
    wanted = f"{base.__module__}.{base.__name__}"
    if not isinstance(found, type):
        raise SynthaugError(f"class: {module.__file__} has no class {name!r}; name one derived from {wanted}")
    if not issubclass(found, base):
        raise SynthaugError(f"class: {reference} is not derived from {wanted}; derive it, or name another")
    missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
    if missing:
        raise SynthaugError(f"class: {reference} lacks {missing}; {wanted} says what each does")
    return found


def code_hashes(modules: Collection[str]) -> dict[str, str]:
    """SHA-256 of the files of modules outside the package, and of what they import from beside them.

    Parameters
    ----------
    modules : collection of str
        Dotted names; those of this package have no part in the answer.

    Returns
    -------
    dict of str to str
        By path below the folder that the module is imported from; sorted.
    """
    hashes = {}
    for module in modules:
        home = home_of(module)
        for file in map(Path, imported_files([], [module])):
            if home and not file.is_relative_to(PACKAGE):
                hashes[file.relative_to(home.folder).as_posix()] = sha256_file(file)
    return dict(sorted(hashes.items()))
