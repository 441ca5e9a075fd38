"""How often the memorisation audit flags real patients, and how many positive controls it finds.

python benchmarks/memorisation.py FOLDER [--subjects 100] [--train 40]

FOLDER is a cohort, or a new folder into which phantoms on one scanner are simulated.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthaug import phantom
from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.image_audit import audit_memorisation
from synthaug.measures.memorisation.roles import Roles


def simulate(folder: Path, subjects: int) -> Path:
    """Phantoms of vendor A on a small matrix, harmonised."""
    scanner = replace(phantom.SCANNERS["A"], matrix=72, spacing_mm=(2.6, 2.6), frames=(8, 9))
    phantom.SCANNERS["A"] = scanner
    phantom.write_phantom(folder / "raw", "acdc", PhantomSettings(subjects=subjects, vendors=["A"], seed=7))
    grid = HarmonisationSettings(spacing_mm=(10, 2, 2), matrix=(11, 64, 64), frames=8)
    dataset = AcdcSettings(layout="acdc", root=str(folder / "raw"), vendor="A")
    harmonise_dataset("phantom", dataset, folder / "raw", grid, folder / "cohort")
    return folder / "cohort"


def main() -> None:
    """Audit held-out patients as if they were synthetic, over random splits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", type=int, default=100)
    parser.add_argument("--train", type=int, default=40)
    parser.add_argument("--splits", type=int, default=10)
    options = parser.parse_args()
    known = (options.folder / "cohort.json").is_file()
    cohort = Cohort.open(options.folder if known else simulate(options.folder, options.subjects))
    random = np.random.default_rng(0)
    for validating in (0, 20):
        found: dict[str, list[float]] = {}
        for _ in range(options.splits):
            order = [cohort.subjects[index] for index in random.permutation(len(cohort.subjects))]
            train, rest = order[: options.train], order[options.train :]
            judged, others = rest[validating:], rest[:validating]
            rows, _ = audit_memorisation(
                cohort, cohort.select(judged), Roles(train, validation=others), Measurement()
            )
            for row in rows.dropna(subset="value").itertuples():
                found.setdefault(str(row.metric), []).append(float(row.value))
        print(
            f"{options.train} train, {validating} validate, {len(judged)} held out, {options.splits} splits"
        )
        for metric, values in found.items():
            if metric == "copied_share" or metric.startswith("positive_control"):
                print(f"  {metric}: mean {np.mean(values):.3f}, SD {np.std(values, ddof=1):.3f}")


if __name__ == "__main__":
    main()
