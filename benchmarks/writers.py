"""Quality control and writing of full-size cines: seconds of a thread, and of a chunk whose generator waits for a GPU.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/writers.py

The generator stands for one on a GPU: it sleeps `--seconds` a cine, in which the processor is free, and hands over the same
phantom. Writers judge, compress and write.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import beating_ellipsoid

from synthaug.config.synthesis import GateSettings
from synthaug.data.cohort import Cohort, write_subject
from synthaug.synthesis.chunk import WRITERS, synthesise_chunk
from synthaug.synthesis.gate import inspect_sample
from synthaug.synthesis.requests import request_cohort

SPACING_MM = (10.0, 1.25, 1.25)
SIZE = 192  # pixels a side
FRAMES, SLICES = 30, 16


class Waiting:
    """Hands over one cine for every request after as long as a GPU would take."""

    def __init__(self, seconds: float, cine: np.ndarray, labels: np.ndarray) -> None:
        self.seconds, self.made = seconds, (cine, labels)

    def sample(self, requests: Cohort, batch_size: int = 1) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for subject in requests.subjects:
            time.sleep(self.seconds)
            yield subject, *self.made


def full_size() -> tuple[np.ndarray, np.ndarray]:
    """A beating ellipsoid of 30 x 16 x 192 x 192, noise included."""
    beating_ellipsoid.FRAMES, beating_ellipsoid.MATRIX = FRAMES, SIZE
    beating_ellipsoid.SPACING_MM = SPACING_MM
    return beating_ellipsoid.beating_heart(n_slices=SLICES)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cines", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.9, help="of the generator for a cine")
    options = parser.parse_args()
    cine, labels = full_size()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        reasons, _ = inspect_sample(cine, labels, SPACING_MM, GateSettings())
        judged = time.perf_counter()
        write_subject(Path(folder) / "sub-x", cine, dict(enumerate(labels)), SPACING_MM)
        written = time.perf_counter()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.gz")) / 2**20
    print(
        f"quality control {judged - started:.2f} s ({reasons or 'accepted'}), writing {written - judged:.2f} s, {size:.1f} MiB"
    )
    table = pd.DataFrame(
        {
            "subject": [f"g-{number}" for number in range(options.cines)],
            "n_slices": SLICES,
            "seed": range(options.cines),
        }
    )
    for writers in (0, WRITERS):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            synthesise_chunk(
                Waiting(options.seconds, cine, labels),  # type: ignore[arg-type]
                request_cohort(table),
                GateSettings(attempts=1),
                SPACING_MM,
                Path(folder) / "chunk",
                "g",
                batch_size=1,
                identity={"seen": [], "conditions": [], "hashes": {}},
                writers=writers,
            )
            each = (time.perf_counter() - started) / options.cines
        print(f"{writers} writers: {each:.2f} s a cine, of which the generator {options.seconds:.2f} s")


if __name__ == "__main__":
    main()
