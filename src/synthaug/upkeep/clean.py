"""`synthaug clean`: what nobody needs any more, and the disk that it takes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from synthaug.core.artifacts import checksum_of
from synthaug.core.leftovers import find_partials, is_left_behind, remove
from synthaug.jobs.attempts import history_of
from synthaug.runs import arm_runs, model_runs
from synthaug.upkeep.litter import abandoned_checkpoints
from synthaug.upkeep.parts import gathered_parts
from synthaug.upkeep.study_results import StudyResults


@dataclass(frozen=True)
class Removal:
    """Something that can go.

    Attributes
    ----------
    path : Path
        A file or folder.
    reason : str
        Why nobody needs it.
    size : int
        Bytes of its files.
    """

    path: Path
    reason: str
    size: int

    @property
    def line(self) -> str:
        """What is shown of it."""
        return f"{said_size(self.size):>9}  {self.path}: {self.reason}"


def find_removals(study: StudyResults, logs: bool = False, parts: bool = False) -> Iterator[Removal]:
    """What can go: outputs that dead processes left half-written, checkpoints that nobody resumes, and old logs.

    Parameters
    ----------
    study : StudyResults
        Whose results.
    logs : bool
        Whether logs of trainings that the study has no longer count.
    parts : bool
        Whether parts of what is gathered count.
    """
    found = [
        *((path, "left by a dead process") for path in find_partials(study.folder) if is_left_behind(path)),
        *abandoned_checkpoints(study),
        *(((path, "log of a training the study has no longer") for path in _old_logs(study)) if logs else ()),
        *(gathered_parts(study) if parts else ()),
    ]
    for path, reason in found:
        if study.may_remove(path):
            yield Removal(path, reason, size_of(path))


def clean(removal: Removal) -> bool:
    """Remove it, and the empty folders that it leaves of checkpoints; whether it is gone."""
    remove(removal.path)
    remove(checksum_of(removal.path))
    with suppress(OSError):
        if removal.path.parent.parent.parent.name == "checkpoints":
            removal.path.parent.rmdir()
    return not removal.path.exists()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as links, files with another name as nothing."""
    total = 0
    for place in (path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())):
        with suppress(OSError):
            entry = place.lstat()
            total += 0 if stat.S_ISDIR(entry.st_mode) or entry.st_nlink > 1 else entry.st_size
    return total


def said_size(size: float) -> str:
    """Bytes in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _old_logs(study: StudyResults) -> Iterator[Path]:
    """Logs of trainings that are not among those declared; none where it is not known what is declared."""
    if study.declared is None:
        return
    models = {
        f"{run.model}_fold-{run.fold}_generator-seed-{run.generator_seed}"
        for run in model_runs(study.declared)
    }
    arms = {run.stem for run in arm_runs(study.declared)}
    for rule, stems in (("train_model", models), ("train_task", arms)):
        kept = {study.folder / f"logs/{rule}/{stem}.log" for stem in stems}
        kept |= set(map(history_of, kept))
        for log in sorted(study.folder.glob(f"logs/{rule}/*.log")):
            if log not in kept:
                yield log
