"""Small cohorts of made-up beating hearts that a network of four features can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthaug.data.cohort import Cohort, write_cohort, write_subject

SPACING = (8.0, 2.0, 1.5)
FRAMES, ES = 4, 2


def heart(seed: int, size: int = 32, slices: int = 5) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """A beating LV in its myocardium beside an RV: cine (t, z, y, x) and the labels of every frame."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2 - generator.uniform(-2, 2, 2)[:, None, None]
    cine, labels = [], {}
    for frame in range(FRAMES):
        radius = generator.uniform(5, 6) * (0.7 if frame == ES else 1.0)
        plane = np.zeros((size, size), np.uint8)
        plane[np.hypot(y, x + 8) < radius] = 3
        plane[np.hypot(y, x) < radius + 2.5] = 2
        plane[np.hypot(y, x) < radius] = 1
        labels[frame] = np.stack([plane] * slices)
        image = np.array([0.1, 0.9, 0.4, 0.7])[labels[frame]]
        cine.append(np.clip(image + generator.normal(0, 0.03, image.shape), 0, 1))
    return np.stack(cine).astype(np.float32), labels


def made_cohort(folder: Path, name: str, count: int, kind: str = "real", **meta: object) -> Cohort:
    rows = []
    for number in range(count):
        subject = f"{name}-{number:02d}"
        cine, labels = heart(1000 * len(name) + number)
        kept = labels if kind == "synthetic" else {0: labels[0], ES: labels[ES]}
        write_subject(folder / f"sub-{subject}", cine, kept, SPACING)
        rows.append(
            {
                "subject": subject,
                "dataset": name,
                "ed_frame": 0,
                "es_frame": ES,
                "labelled_frames": ",".join(map(str, kept)),
                "n_frames": FRAMES,
                "n_slices": cine.shape[1],
            }
        )
    write_cohort(folder, name, kind, rows, SPACING, **meta)
    return Cohort.open(folder)
