"""Errors a user can mend: each is one line that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path


class SynthaugError(Exception):
    """Something the user can mend; the message is one line with its remedy."""


class PassingError(SynthaugError):
    """What another attempt may not meet: lack of memory, a full disk, a node without its GPU, work that still runs elsewhere."""


class DamagedFileError(SynthaugError):
    """A file that the package wrote cannot be read: it is empty, cut short or damaged.

    Parameters
    ----------
    path : path
        Which.
    reason : str or BaseException
        What is wrong, or what reading it met.
    """

    def __init__(self, path: str | Path, reason: str | BaseException) -> None:
        self.path = Path(path)
        said = " ".join(str(reason).split()) or type(reason).__name__
        self.reason = said
        empty = self.path.is_file() and not self.path.stat().st_size
        super().__init__(
            f"{path}: {'is empty' if empty else f'damaged or cut short ({said})'}; restore it, or remove the output that it "
            "is or is a part of and run again"
        )

    def __reduce__(self) -> tuple[type[DamagedFileError], tuple[Path, str]]:
        # Exceptions cross process pools by pickle, which would replay only the message.
        return type(self), (self.path, self.reason)
