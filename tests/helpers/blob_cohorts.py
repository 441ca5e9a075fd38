"""Cohorts of bright discs: their radius is the phenotype, and small or large is the diagnosis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort, write_cohort, write_subject

SPACING = (8.0, 2.0, 2.0)
FRAMES, SLICES, SIZE = 4, 3, 16
#: Radius in pixels of the classes, with a spread of half a pixel to each side.
RADII = {"NOR": 3.0, "DCM": 5.5}


def disc(radius: float, seed: int) -> np.ndarray:
    """A disc that shrinks by a fifth in systole, in noise: (t, z, y, x)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5 - random.uniform(-1, 1, 2)[:, None, None]
    beat = radius * (0.9 + 0.1 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES))
    inside = np.clip(beat[:, None, None] - np.hypot(y, x) + 0.5, 0, 1)
    cine = np.stack([0.1 + 0.8 * inside] * SLICES, axis=1)
    return np.clip(cine + random.normal(0, 0.02, cine.shape), 0, 1).astype(np.float32)


def blob_cohort(
    folder: Path,
    name: str,
    count: int,
    kind: str = "real",
    diagnoses: tuple[str | None, ...] = ("NOR", "DCM"),
    first_seed: int = 0,
    **meta: object,
) -> Cohort:
    """A cohort and, in ``<folder>.tsv``, its phenotypes: LV EDV 10 r^2 and a user's own, ``own_radius``.

    Parameters
    ----------
    diagnoses : tuple of str or None
        Diagnoses of the subjects, over and over; of None the radius is that of NOR. Other codes have the radius of DCM.
    """
    rows, phenotypes = [], []
    for number in range(count):
        subject, diagnosis = f"{name}-{number:02d}", diagnoses[number % len(diagnoses)]
        random = np.random.default_rng([first_seed, len(name), number])
        middle = RADII["NOR"] if diagnosis in (None, "NOR") else RADII["DCM"]
        radius = middle + random.uniform(-0.5, 0.5)
        write_subject(
            folder / f"sub-{subject}", disc(radius, int(random.integers(1 << 30))), labels(), SPACING
        )
        rows.append(
            {
                "subject": subject,
                "dataset": name,
                "diagnosis": diagnosis,
                "vendor": "A",
                "ed_frame": 0,
                "es_frame": 2,
                "labelled_frames": "0",
                "n_frames": FRAMES,
                "n_slices": SLICES,
            }
        )
        phenotypes.append(
            {
                "subject": subject,
                "patient": subject,
                "missing": None,
                "lv_edv_ml": 10 * radius**2,
                "heart_rate_bpm": 60.0,
                "lv_ef": None if number % 3 == 0 else 50 + 5 * radius,
                "own_radius": radius,
            }
        )
    write_cohort(folder, name, kind, rows, SPACING, **meta)
    write_tsv(folder.with_suffix(".tsv"), pd.DataFrame(phenotypes))
    return Cohort.open(folder)


def labels() -> dict[int, np.ndarray]:
    """Labels of a frame: what makes a subject a labelled one."""
    plane = np.zeros((SLICES, SIZE, SIZE), np.uint8)
    plane[:, 6:10, 6:10] = 1
    return {0: plane}
