"""Findings: what is wrong with a subject's files or unusual in them, each of a kind with a code that docs/findings.md explains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from synthaug.core.errors import SynthaugError

#: What happens to the subject: it is left out, something was mended or chosen, or it is used as it is.
EXCLUDED, REPAIRED, KEPT = "excluded", "repaired", "kept"


@dataclass(frozen=True)
class FindingKind:
    """One kind of finding.

    Attributes
    ----------
    effect : {"excluded", "repaired", "kept"}
        What happens to the subject.
    meaning : str
        When it is found.
    remedy : str
        What the user can do.
    """

    effect: str
    meaning: str
    remedy: str


class Finding(NamedTuple):
    """One finding of a subject that can be used.

    Attributes
    ----------
    code : str
        Kind, a key of `synthaug.data.finding_kinds.KINDS`.
    problem : str
        What is unusual, with numbers.
    remedy : str
        What was done about it, or what the user can do.
    """

    code: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


class SubjectError(SynthaugError):
    """One subject cannot be used; a study goes on without it and says so.

    Parameters
    ----------
    code : str
        Kind, a key of `synthaug.data.finding_kinds.KINDS`; a reader outside the package takes ``reader``.
    subject : str
        Identifier as the dataset gives it.
    file : str or Path
        File in which the problem shows.
    problem : str
        What is wrong.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, code: str, subject: str, file: str | Path, problem: str, remedy: str) -> None:
        self.code = code
        self.subject = " ".join(subject.split())[:80]  # an id that was not checked yet may hold anything
        self.file = str(file)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{self.subject}: {file}: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type[SubjectError], tuple[str, str, str, str, str]]:
        # Exceptions cross process pools by pickle, which would replay only the message.
        return type(self), (self.code, self.subject, self.file, self.problem, self.remedy)
