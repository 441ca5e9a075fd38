"""How well a text-driven generator follows the volumes that its sentences say, by the masks of its own cines.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/words_followed.py results/five-systems --subjects 24

Samples requests of the study, an equal share of each chunk, without quality control, so that no gate and no segmenter are between words
and heart. Change between frames: mean absolute difference of neighbouring frames, median over cines; that of as many training
cines beside. Roughness of the LV's volume curve: `curve_roughness` of quality control, median.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from synthaug.config.synthesis import GateSettings
from synthaug.data.cohort import Cohort
from synthaug.data.store import TensorStore
from synthaug.generators import load
from synthaug.metrics.volumes import ejection_fraction, volume_curve_ml
from synthaug.synthesis.gate import inspect_sample

RUN = Path("fold-0") / "generator-seed-0"
REDUCED = 50.0  # percent: the border of two categories


def change_between_frames(cine: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames of a cycle (t, z, y, x)."""
    return float(np.abs(cine - np.roll(cine, 1, axis=0)).mean())


def main() -> None:
    """Sample, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("results", type=Path)
    parser.add_argument("--generator", default="text-driven")
    parser.add_argument("--subjects", type=int, default=24)
    options = parser.parse_args()
    generator = load(options.results / "generators" / options.generator / RUN)
    folder = options.results / "synthetic" / options.generator / RUN / "worded-requests"
    chunks = [Cohort.open(chunk) for chunk in sorted(folder.iterdir(), key=lambda chunk: int(chunk.name))]
    asked, made, changes, rough = [], [], [], []
    for chunk in chunks:
        requests = chunk.select(chunk.subjects[: -(-options.subjects // len(chunks))])
        for subject, cine, labels in generator.sample(requests, 1):
            assert labels is not None  # a generator of cines alone has no volumes
            curve = volume_curve_ml(labels, "LV", generator.grid.spacing_mm)
            row = requests.table.loc[subject]
            asked.append([row["lv_edv_ml"], row["lv_esv_ml"], row["lv_ef"]])
            made.append([curve[0], curve.min(), ejection_fraction(curve[0], curve.min())])
            changes.append(change_between_frames(cine))
            _, measured = inspect_sample(cine, labels, generator.grid.spacing_mm, GateSettings())
            rough.append(measured["curve_roughness"])
    (wanted, found), n = (np.array(asked), np.array(made)), len(asked)
    r = [np.corrcoef(wanted[:, column], found[:, column])[0, 1] for column in range(3)]
    error = found[:, 2] - wanted[:, 2]
    same = np.mean((found[:, 2] < REDUCED) == (wanted[:, 2] < REDUCED))
    store = TensorStore.open(options.results / "stores" / "fold-0" / "train")
    real = [
        change_between_frames(np.asarray(store.images[row][:, store.slice_mask[row]], np.float32))
        for row in range(min(n, len(store)))
    ]
    print(
        f"n {n}: r of EDV {r[0]:.2f}, ESV {r[1]:.2f}, EF {r[2]:.2f}; EF bias {error.mean():.1f}, mean error {np.abs(error).mean():.1f} points, "
        f"category as requested {same:.2f}; change between frames {np.median(changes):.4f} (real {np.median(real):.4f}); "
        f"roughness {np.nanmedian(rough):.2f}"
    )


if __name__ == "__main__":
    main()
