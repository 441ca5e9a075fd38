"""Peak memory of feature extraction against the number of subjects: it should not grow.

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/feature_memory.py

Each size runs in a process of its own; prints one line a size: subjects, seconds a subject, peak
resident memory. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZES = (10, 40, 160)
SHAPE, SPACING_MM = (12, 10, 96, 96), (10.0, 1.5, 1.5)


def measure(folder: Path, count: int) -> None:
    """Extract the features of `count` subjects, and print time and peak memory of this process."""
    import torch

    from synthaug.config.features import MaskedAutoencoderSettings, StudyExtractorSettings
    from synthaug.data.cohort import Cohort
    from synthaug.features import extract_features
    from synthaug.models.base import Grid
    from synthaug.models.masked_autoencoder import MaskedAutoencoder
    from synthaug.models.weights import save_model

    torch.manual_seed(0)
    settings = MaskedAutoencoderSettings(kind="masked_autoencoder")
    model = MaskedAutoencoder(settings, Grid(*SHAPE, SPACING_MM), {})
    save_model(folder / "model.safetensors", model, settings.model_dump(mode="json"), [], 0, {})
    cohort = Cohort.open(folder / "cohort").select([f"s-{number:03d}" for number in range(count)])
    started = time.perf_counter()
    extractor = StudyExtractorSettings(kind="study", model="features")
    extract_features(cohort, extractor, folder / "f.npz", folder / "model.safetensors", threads=2)
    seconds = (time.perf_counter() - started) / count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} subjects: {seconds:.2f} s each, peak {peak:.0f} MiB")


def write_subjects(folder: Path, count: int) -> None:
    """A cohort of noise."""
    from synthaug.data.cohort import write_cohort, write_subject

    random = np.random.default_rng(0)
    rows = []
    for number in range(count):
        subject = f"s-{number:03d}"
        cine = random.random(SHAPE, np.float32)
        write_subject(folder / f"sub-{subject}", cine, {}, SPACING_MM)
        rows.append({"subject": subject, "n_frames": SHAPE[0], "n_slices": SHAPE[1]})
    write_cohort(folder, "noise", "real", rows, SPACING_MM)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            write_subjects(Path(folder) / "cohort", max(SIZES))
            for size in SIZES:
                subprocess.run([sys.executable, __file__, folder, str(size)], check=True)
