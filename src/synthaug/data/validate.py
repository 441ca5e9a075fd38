"""Validation of a dataset or a cohort: every file is read once, and each problem is one finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.findings import Finding, SubjectError
from synthaug.data.intensities import percentiles_of
from synthaug.data.load_subject import load_subject
from synthaug.data.orientation import OrientedCine, orient_cine
from synthaug.data.quality import contrast_findings, label_findings
from synthaug.data.readers.base import RawSubject

#: What becomes 0 and 1, as by default in a study.
_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class FileFinding:
    """One finding of one file; ``str`` is one line.

    Attributes
    ----------
    subject, file : str
        Whose it is, and where it shows.
    code, problem, remedy : str
        As in `synthaug.data.findings.Finding`.
    """

    subject: str
    file: str
    code: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.file}: {self.problem}; {self.remedy} [{self.code}]"


def validate_dataset(
    subjects: Sequence[RawSubject], progress: Callable[[int, int], None] | None = None
) -> list[FileFinding]:
    """Read every file of a raw dataset that a study would read.

    Parameters
    ----------
    subjects : sequence of RawSubject
        From `synthaug.data.readers.find_subjects`.
    progress : callable, optional
        Called with the subjects done and all there are.

    Returns
    -------
    list of FileFinding
        Subjects that cannot be used, and findings of those that can.
    """
    findings: list[FileFinding] = []
    for done, subject in enumerate(subjects, start=1):
        try:
            oriented = orient_cine(load_subject(subject), subject.ed_frame, subject.es_frame)
        except SubjectError as error:
            findings.append(FileFinding(error.subject, error.file, error.code, error.problem, error.remedy))
        else:
            said = [*subject.findings, *oriented.findings, *_contrast_of(oriented)]
            findings += [_finding(subject.id, subject.files[0], found) for found in said]
        if progress is not None:
            progress(done, len(subjects))
    return findings


def validate_cohort(path: str | Path) -> list[FileFinding]:
    """Read every subject of a cohort folder: real, synthetic or external.

    Raises
    ------
    SynthaugError
        The folder is not a cohort.
    """
    cohort = Cohort.open(path)
    findings: list[FileFinding] = []
    for subject in cohort.subjects:
        file = cohort.folders[subject] / "cine.nii.gz"
        row = cohort.table.loc[subject]
        try:
            cine, labels = cohort.cine(subject), cohort.label_cine(subject)
            frames = {frame: labels[frame] for frame in cohort.labelled_frames(subject)}
        except (OSError, EOFError, ValueError, IndexError, SynthaugError) as error:
            findings.append(
                FileFinding(
                    subject,
                    str(file),
                    "cohort-unreadable",
                    f"cannot be read ({error})",
                    "write the subject again",
                )
            )
            continue
        if cine.min() < 0 or cine.max() > 1:
            findings.append(
                FileFinding(
                    subject, str(file), "cohort-intensities", "intensities leave [0, 1]", "scale them to it"
                )
            )
        if labels.shape != cine.shape:
            problem = f"labels have shape {labels.shape}, the cine has {cine.shape}"
            place = str(file.with_name("labels.nii.gz"))
            findings.append(FileFinding(subject, place, "labels-shape", problem, "use one grid"))
            continue
        ed, es = (_frame(row[column]) for column in ("ed_frame", "es_frame"))
        said = label_findings(frames, cohort.spacing_mm, ed, es, cohort.view)
        sentences = [*contrast_findings(cine, frames), *said]
        findings += [_finding(subject, file, found) for found in sentences]
    return findings


def _contrast_of(oriented: OrientedCine) -> list[Finding]:
    """Findings in the contrast of labelled frames, on the scale that harmonisation gives intensities."""
    if not oriented.labels:
        return []
    low, high = percentiles_of(oriented.cine, _PERCENTILES)
    return contrast_findings(oriented.cine, oriented.labels, high - low) if high > low else []


def _frame(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _finding(subject: str, file: Path, found: Finding) -> FileFinding:
    return FileFinding(subject, str(file), *found)
