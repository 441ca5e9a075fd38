"""One thing that is wrong in the results of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["damaged", "orphaned", "locked", "stale", "missing"]


@dataclass(frozen=True)
class Fault:
    """What `synthaug doctor` says in one line.

    Attributes
    ----------
    kind : str
        Damaged, orphaned, locked, stale or missing.
    said : str
        File, what is wrong with it, and the remedy.
    removes : tuple of Path
        Outputs that ``--fix`` removes, because they can be made again; none where a person must decide.
    """

    kind: Kind
    said: str
    removes: tuple[Path, ...] = ()

    @property
    def line(self) -> str:
        """The whole line."""
        return f"{self.kind}: {' '.join(self.said.split())}"
