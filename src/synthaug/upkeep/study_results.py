"""The results of one study, as a folder that may have been moved or copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.core.leftovers import PARTIAL
from synthaug.preflight.lost_records import CONFIGURATION
from synthaug.runs import ListedRun, list_runs


@dataclass(frozen=True)
class StudyResults:
    """Results of a study.

    Attributes
    ----------
    folder : Path
        ``results/<study>``, wherever it lies now.
    """

    folder: Path

    @cached_property
    def declared(self) -> StudySettings | None:
        """The study that the last run declared; None where that is not known, or cannot be read by this version."""
        try:
            content: dict[str, Any] = read_json(self.folder / CONFIGURATION)
            return load_study(content)
        except (SynthaugError, OSError, TypeError):
            return None

    def runs(self) -> Iterator[ListedRun]:
        """Runs of the declared study, with the places of their files in this folder; none where it is not known."""
        for run in list_runs(self.declared) if self.declared else ():
            moved: dict[str, Any] = {
                name: self.here(part) for name, part in run._asdict().items() if isinstance(part, Path)
            }
            yield run._replace(**moved)

    def here(self, path: Path) -> Path:
        """A path ``results/<study>/...`` of the workflow in this folder; another stays as it is."""
        is_own = not path.is_absolute() and path.parts[:1] == ("results",)
        return self.folder.joinpath(*path.parts[2:]) if is_own else path

    def files_named(self, *names: str) -> Iterator[Path]:
        """Finished files with any of these names; raw data, checkpoints and single subjects are not looked through."""
        for place, folders, files in os.walk(self.folder):
            if Path(place) == self.folder:
                folders[:] = [name for name in folders if name not in ("raw", "checkpoints", "logs")]
            folders[:] = sorted(name for name in folders if not name.startswith((".", "sub-")))
            yield from (Path(place, name) for name in sorted(files) if name in names)

    def may_remove(self, path: Path) -> bool:
        """Whether a path lies in this folder, links followed, and is neither raw data nor a table, which never changes."""
        try:
            below = path.parent.resolve().joinpath(path.name).relative_to(self.folder.resolve())
        except (ValueError, OSError):
            return False
        if not below.parts or ".." in below.parts or below.parts[0] == "raw":
            return False
        return below.parts[0] != "tables" or (
            below.parts[1:2] == (path.name,) and path.name.startswith(PARTIAL)
        )


def find_studies(results: Path) -> list[StudyResults]:
    """The study of a folder ``results/<study>``, or all of ``results``.

    Raises
    ------
    SynthaugError
        There is none.
    """
    folders = [results] if _is_study(results) else []
    if not folders and results.is_dir():
        folders = sorted(folder for folder in results.iterdir() if folder.is_dir() and _is_study(folder))
    if not folders:
        raise SynthaugError(
            f"{results}: holds no results of a study; give results/<study>, or the folder that holds all of them"
        )
    return [StudyResults(folder) for folder in folders]


def _is_study(folder: Path) -> bool:
    return (folder / CONFIGURATION).is_file() or (
        (folder / "logs").is_dir() and (folder / "cohorts").is_dir()
    )
