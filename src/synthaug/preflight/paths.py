"""Paths that Snakemake would take for patterns, and folders that nobody can write to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from synthaug.core.disk import CannotWriteError, opening
from synthaug.core.errors import SynthaugError


def check_braces(paths: Mapping[str, Iterable[str | Path]]) -> None:
    """Refuse paths in which Snakemake sees a wildcard: its input functions know no other meaning of ``{name}``.

    Parameters
    ----------
    paths : mapping of str to iterable of paths
        Paths by what names them: a key of the study, the checkout.

    Raises
    ------
    SynthaugError
        One line for each name that has such a path.
    """
    from snakemake.io import contains_wildcard

    found = {
        where: next((path for path in given if contains_wildcard(str(path))), None)
        for where, given in paths.items()
    }
    said = [
        f"{where}: {path} has a name in braces, which Snakemake takes for a wildcard; rename it, or name a link to it "
        "without braces"
        for where, path in found.items()
        if path is not None
    ]
    if said:
        raise SynthaugError("\n".join(said))


def check_writable(folder: str | Path) -> None:
    """Write a file to the folder of the results, and remove it.

    Parameters
    ----------
    folder : path
        Made where it is missing.

    Raises
    ------
    CannotWriteError
        It is read-only, forbidden or full, or no folder.
    """
    folder = Path(folder)
    with opening(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"synthaug")
            stream.flush()


def check_records_folder(folder: str | Path, snakefile: str | Path) -> None:
    """Refuse a working folder that Snakemake cannot write its records to, as it does of a dry run, too.

    Parameters
    ----------
    folder : path
        ``.snakemake``; made where it is missing.
    snakefile : path
        How the workflow is called from another folder.

    Raises
    ------
    SynthaugError
        The folder cannot be made or written to.
    """
    folder = Path(folder).absolute()
    try:
        check_writable(folder)
    except CannotWriteError as error:
        raise SynthaugError(
            f"{folder}: Snakemake cannot write its records ({error.reason}); make {folder.parent} writable, or run in "
            f"another folder with snakemake --snakefile {snakefile}"
        ) from None
