"""Errors a user can mend: each is one line that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path


class SynthaugError(Exception):
    """Something the user can mend; the message is one line with its remedy."""


class SubjectError(SynthaugError):
    """One subject cannot be used; a study goes on without it and says so.

    Parameters
    ----------
    subject : str
        Identifier as the dataset gives it.
    file : str or Path
        File in which the problem shows.
    problem : str
        What is wrong.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, subject: str, file: str | Path, problem: str, remedy: str) -> None:
        self.subject = subject
        self.file = str(file)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{subject}: {file}: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type[SubjectError], tuple[str, str, str, str]]:
        # Exceptions cross process pools by pickle, which would replay only the message.
        return type(self), (self.subject, self.file, self.problem, self.remedy)
