"""Hash of code as Python reads it: what changes only comments, docstrings or layout does not change it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from synthaug.core.imports import PACKAGE, imported_files
from synthaug.core.syntax import syntax_of


def package_code(modules: Iterable[str]) -> str:
    """SHA-256 of the code of this package that modules run: their own and what they import, directly or not.

    Parameters
    ----------
    modules : iterable of str
        Dotted names. Of modules from outside the package, what they import of the package counts; for their own
        code see `synthaug.core.plugins.code_hashes`.
    """
    files = map(Path, imported_files([], modules))
    return code_hash(sorted(file for file in files if file.is_relative_to(PACKAGE)))


def code_hash(files: Iterable[Path]) -> str:
    """SHA-256 of the names and syntax trees of Python files, in the order given.

    Comments, docstrings, line breaks and the folder of the package do not count.
    """
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(PACKAGE.parent) if file.is_relative_to(PACKAGE.parent) else Path(file.name)
        digest.update(f"{name.as_posix()} {syntax_of(file).sha256}\n".encode())
    return digest.hexdigest()
