"""`synthaug doctor`: everything that is wrong with the results of studies, and what can be mended by making it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from synthaug.core.artifacts import checksum_of
from synthaug.core.leftovers import remove
from synthaug.upkeep.damage import find_damage
from synthaug.upkeep.declared import find_missing, find_stale
from synthaug.upkeep.fault import Fault
from synthaug.upkeep.litter import describe_leases, find_litter
from synthaug.upkeep.locks import find_locks
from synthaug.upkeep.study_results import StudyResults

CHECKS = (find_damage, find_litter, find_locks, describe_leases, find_stale, find_missing)


def examine(study: StudyResults) -> Iterator[Fault]:
    """Look at all results of a study; nothing is changed.

    Files are read to their last byte where a checksum of them is recorded, which takes as long as a copy.
    """
    for check in CHECKS:
        yield from check(study)


def mend(study: StudyResults, findings: Sequence[Fault]) -> Iterator[tuple[Path, str | None]]:
    """Remove what findings name and what can be made again.

    Yields
    ------
    path, reason : Path, str or None
        What was to go, and why it stays; None where it is gone. Raw data, versions of tables and what lies outside
        the results always stay; damaged outputs stay while Snakemake holds a lock on the study.
    """
    locked = any(finding.kind == "locked" for finding in findings)
    seen: set[Path] = set()
    for finding in findings:
        for path in finding.removes:
            if path in seen or not (path.exists() or path.is_symlink()):
                continue
            seen.add(path)
            if not study.may_remove(path):
                yield path, f"is raw data, a table, or lies outside {study.folder}"
            elif locked and finding.kind == "damaged":
                yield path, "the study is locked"
            else:
                remove(path)
                remove(checksum_of(path))
                yield path, "cannot be removed" if path.exists() else None
