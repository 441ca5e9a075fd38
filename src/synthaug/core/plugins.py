"""Models and generators from outside the package: their classes found, their code hashed."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.imports import PACKAGE, home_of, imported_files


def load_class(reference: str, base: type) -> Any:
    """Import a class by name, from where Python looks or, last, from the working directory.

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
