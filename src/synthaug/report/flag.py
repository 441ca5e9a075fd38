"""Flags: problems of a study that follow from its results, worst first."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthaug.report.files import flag_modules
from synthaug.report.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from synthaug.report.section import ReportData

#: Severities, worst first.
SEVERE, MODERATE, MINOR = "severe", "moderate", "minor"
SEVERITIES = (SEVERE, MODERATE, MINOR)


class NotMeasuredError(Exception):
    """The measure of a flag is absent; the message is the reason."""


class NotInStudyError(Exception):
    """The study declares nothing that the flag could be about; the message says what it lacks."""


@dataclass(frozen=True)
class Flag:
    """One problem found.

    Attributes
    ----------
    severity : str
        One of `SEVERITIES`.
    sentence : str
        The measured value with its n.
    excess : float
        Size of the problem relative to its threshold; orders flags of one severity.
    """

    severity: str
    sentence: str
    excess: float = 1.0


@dataclass(frozen=True)
class FlagKind:
    """One kind of flag; a module of `synthaug.report.flags` names its own ``KIND``.

    Attributes
    ----------
    title : str
        What is checked, in a few words.
    remedy : str
        What to do.
    section : str
        Module name of the section that shows the values.
    check : callable
        Returns the flag, or None if the condition does not hold. Raises `NotMeasuredError` if a measure is absent, and
        `NotInStudyError` if the study declares nothing of the kind.
    """

    title: str
    remedy: str
    section: str
    check: Callable[[ReportData], Flag | None]


def find_kinds() -> dict[str, FlagKind]:
    """Kinds of flags by the name of their module and of their threshold."""
    return {name.rpartition(".")[2]: importlib.import_module(name).KIND for name in flag_modules()}


def find_flags(data: ReportData) -> dict[str, list[dict[str, Any]]]:
    """Check every kind of flag.

    Returns
    -------
    dict
        ``raised`` (worst first), ``passed``, ``unmeasured`` and ``beyond`` (not in this study): JSON-able entries with name,
        title, threshold and source; of raised ones severity, sentence, remedy and section, of the last two the reason.
    """
    raised: list[tuple[Flag, dict[str, Any]]] = []
    passed, unmeasured, beyond = [], [], []
    for name, kind in find_kinds().items():
        limit = THRESHOLDS[name]
        about = {"name": name, "title": kind.title, "threshold": limit.text, "source": limit.source}
        try:
            flag = kind.check(data)
        except NotMeasuredError as absent:
            unmeasured.append({**about, "reason": str(absent)})
            continue
        except NotInStudyError as absent:
            beyond.append({**about, "reason": str(absent)})
            continue
        if flag is None:
            passed.append(about)
            continue
        found = {"severity": flag.severity, "sentence": flag.sentence, "remedy": kind.remedy}
        raised.append((flag, {**about, **found, "section": kind.section.replace("_", "-")}))
    raised.sort(key=lambda entry: (SEVERITIES.index(entry[0].severity), -entry[0].excess))
    worst_first = [about for _, about in raised]
    return {"raised": worst_first, "passed": passed, "unmeasured": unmeasured, "beyond": beyond}
