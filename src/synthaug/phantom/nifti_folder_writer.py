"""Simulated scans on disk as a BIDS-like folder of NIfTI files, with labels of every frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner
from synthaug.phantom.simulation import Simulated
from synthaug.phantom.writers import save, short_axis_affine


def write_nifti_subject(
    root: Path,
    subject: str,
    scan: Simulated,
    scanner: Scanner,
    labelled: bool,
    rng: np.random.Generator,
    session: str | None = None,
) -> None:
    """Write `sub-<subject>[/ses-<session>]/anat`: the cine and, where labelled, 4D labels of all frames: 1 LV, 2 MYO, 3 RV."""
    names = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
    folder = root.joinpath(*names, "anat")
    folder.mkdir(parents=True)
    affine, start = short_axis_affine(scan, rng), "_".join(names)
    save(folder / f"{start}_cine.nii.gz", scan.cine, affine, scan, scanner.slope)
    if labelled:
        save(folder / f"{start}_labels.nii.gz", scan.labels, affine, scan)


def nifti_row(
    subject: str, scan: Simulated, person: HeartParameters, vendor: str, session: str | None = None
) -> dict[str, Any]:
    """The entry of the subject, or of one of its sessions, in `subjects.tsv`; frames count from 0."""
    return {
        "subject": subject,
        **({"session_id": session} if session else {}),
        "ed_frame": scan.ed_frame,
        "es_frame": scan.es_frame,
        "vendor": vendor,
        "diagnosis": person.diagnosis,
        "sex": person.sex,
        "age": f"{person.age_years:.0f}",
        "height_cm": f"{person.height_cm:.1f}",
        "weight_kg": f"{person.weight_kg:.1f}",
    }
