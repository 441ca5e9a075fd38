"""Results of single subjects, kept outside a declared output, so that a killed job goes on where it was."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from synthaug.core.artifacts import atomic_folder, sha256_file, sha256_json
from synthaug.core.leftovers import PARTIAL, clear_left_behind, owned_prefix

#: What is written of a finished subject, and where below ``checkpoints/`` subjects are kept.
DONE, SUBJECTS = "done.json", "subjects"


def unfinished_folder(output: str | Path, *identity: Any) -> Path:
    """Where a job keeps finished subjects: ``results/<study>/checkpoints/subjects/``, by its output and what it follows from."""
    parts = Path(output).parts
    return Path(*parts[:2], "checkpoints", SUBJECTS, *parts[2:], sha256_json(identity)[:12])


class FinishedSubjects:
    """Makes the result of each subject once; one that is there with the same inputs and unchanged is not made again.

    >>> with FinishedSubjects(folder, {"weights": "..."}, near=output) as finished:
    ...     made, content = finished.of("p-1", [cine], make)

    Parameters
    ----------
    folder : path or None
        Outside every declared output, which Snakemake deletes before a job starts again. It is removed where the
        block succeeds and kept where it does not. None: nothing is kept.
    identity : mapping
        What the results follow from besides the inputs of each subject; JSON-able.
    near : path
        The output: results lie on its file system where nothing is kept, so that they can be linked.
    """

    def __init__(self, folder: str | Path | None, identity: Mapping[str, Any], near: str | Path) -> None:
        self._root = None if folder is None else Path(folder) / sha256_json(identity)[:12]
        self._near = Path(near)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> FinishedSubjects:
        if self._root is None:
            self._near.parent.mkdir(parents=True, exist_ok=True)
            clear_left_behind(self._near.parent)
            self._temporary = tempfile.TemporaryDirectory(
                dir=self._near.parent, prefix=owned_prefix(PARTIAL, SUBJECTS)
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
        elif self._root is not None and kind is None:
            shutil.rmtree(self._root, ignore_errors=True)

    def of(self, subject: str, inputs: Iterable[Path], make: Callable[[Path], Any]) -> tuple[Path, Any]:
        """The result of one subject, made or found.

        Parameters
        ----------
        subject : str
            Its id.
        inputs : iterable of Path
            Files that the result follows from; found by their content again.
        make : callable
            Writes files into the folder that it is given, and returns what JSON can hold, NaN included.

        Returns
        -------
        folder : Path
            Where the files are; they may be linked.
        content
            What `make` returned.
        """
        root = Path(self._temporary.name) if self._temporary is not None else self._root
        assert root is not None
        folder = root / subject
        read_from = [sha256_file(file) for file in inputs]
        done = _read(folder / DONE)
        if done is not None and done["inputs"] == read_from and _unchanged(folder, done["files"]):
            return folder, done["content"]
        with atomic_folder(folder) as temporary:
            content = make(temporary)
            files = {file.name: sha256_file(file) for file in sorted(temporary.iterdir())}
            # Not forced to the disk: what a crash of the machine damages is found by its hashes and made again.
            (temporary / DONE).write_text(
                json.dumps({"inputs": read_from, "files": files, "content": content}), encoding="utf-8"
            )
        return folder, content


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _unchanged(folder: Path, files: Mapping[str, str]) -> bool:
    return all(
        (folder / name).is_file() and sha256_file(folder / name) == digest for name, digest in files.items()
    )
