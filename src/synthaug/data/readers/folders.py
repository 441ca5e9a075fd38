"""The files of a raw dataset: links are followed, what operating systems leave lying about is not a file of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: Folders and files that no dataset has of its own, and who leaves them.
_LEFT_BEHIND = (
    (re.compile(r"__MACOSX|\._.*|\.DS_Store|\.Spotlight.*|\.Trashes|\.fseventsd"), "left by macOS"),
    (
        re.compile(r"Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information", re.I),
        "left by Windows",
    ),
    (re.compile(r"@eaDir|#recycle|\.snapshot|lost\+found"), "left by a file server"),
    (re.compile(r"~\$.*|.*~|.*\.(tmp|part|partial|crdownload|swp|bak)", re.I), "unfinished or a backup"),
    (re.compile(r"\..*"), "hidden"),
)
_IMAGE = re.compile(r"(?P<stem>.*?)\.nii(\.gz)?", re.I)


@dataclass(frozen=True)
class Ignored:
    """A file or folder below a dataset's root that is not read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class RawFolder:
    """What lies below the root of a raw dataset.

    Attributes
    ----------
    root : Path
        As the study gives it.
    files, folders : tuple of Path
        Below `root`, sorted; a link appears under its own name.
    ignored : tuple of Ignored
        What is no file of a dataset.
    """

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    ignored: tuple[Ignored, ...]

    def matching(self, *patterns: str) -> list[Path]:
        """Files whose path below the root fits any pattern, whatever the case: ``*`` within a name, ``**/`` any folders."""
        fits = [_compiled(pattern) for pattern in patterns]
        places = ((file, file.relative_to(self.root).as_posix()) for file in self.files)
        return [file for file, place in places if any(fit.fullmatch(place) for fit in fits)]


def scan(root: str | Path) -> RawFolder:
    """List the files of a raw dataset; none is opened.

    Links to folders are followed, each folder once, after the folders that lie below the root themselves: a link back to a
    folder above, or to one that was listed already, is ignored, whatever its name. A link to nothing is listed as a file,
    so that who needs it learns that it leads nowhere. Where an image is there twice, as ``.nii`` and as ``.nii.gz``, the
    compressed one is the dataset's.
    """
    root = Path(root)
    files: list[Path] = []
    entered: list[Path] = []
    ignored: list[Ignored] = []
    listed: dict[str, str] = {}
    unlisted: list[OSError] = []
    waiting = [root]  # the root, then the links to folders in the order in which they are found
    for start in waiting:
        for place, folders, names in os.walk(start, onerror=unlisted.append):
            real = os.path.realpath(place)
            if real in listed:
                ignored.append(Ignored(Path(place), f"another name of {listed[real]}"))
                folders.clear()
                continue
            listed[real] = place
            if Path(place) != root:
                entered.append(Path(place))
            for group in (folders, names):
                for name in list(group):
                    if reason := _left_behind(name):
                        ignored.append(Ignored(Path(place, name), reason))
                        group.remove(name)
            folders.sort()
            waiting += [link for name in folders if (link := Path(place, name)).is_symlink()]
            files += [Path(place, name) for name in names]
    ignored += [
        Ignored(Path(error.filename or root), f"cannot be listed ({error.strerror})") for error in unlisted
    ]
    twice = _uncompressed_twins(files)
    ignored += [Ignored(file, "the same image is there as .nii.gz") for file in twice]
    return RawFolder(root, tuple(sorted(set(files) - set(twice))), tuple(sorted(entered)), tuple(ignored))


def leads_nowhere(file: Path) -> bool:
    """Whether it is a link to something that is not there."""
    return file.is_symlink() and not file.exists()


def image_stem(file: Path) -> str | None:
    """Name of a NIfTI file without ``.nii`` or ``.nii.gz``, whatever their case; None for another file."""
    match = _IMAGE.fullmatch(file.name)
    return match["stem"] if match else None


def _left_behind(name: str) -> str | None:
    return next((reason for pattern, reason in _LEFT_BEHIND if pattern.fullmatch(name)), None)


def _uncompressed_twins(files: Iterable[Path]) -> list[Path]:
    images = {file: stem for file in files if (stem := image_stem(file)) is not None}
    compressed = {(file.parent, stem) for file, stem in images.items() if file.suffix.lower() == ".gz"}
    return [
        file
        for file, stem in images.items()
        if file.suffix.lower() != ".gz" and (file.parent, stem) in compressed
    ]


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    translated = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(translated.get(part, re.escape(part)) for part in parts), re.IGNORECASE)
