"""Estimate of hours and disk for 1e3, 1e5 and 1e6 synthetic cines on 1, 8 and 64 GPUs; nothing is measured.

    .venv/bin/python benchmarks/hours_at_scale.py
    .venv/bin/python benchmarks/hours_at_scale.py --sample 3.6 --drawn 2

By default a cine is of 30 frames, 12 slices and 192 x 192 pixels, from the cascade of `acdc_to_mnms`. docs/scaling.md says where each number is
from. Jobs are dealt to the GPUs evenly, one on a GPU at a time; waiting for the queue is not in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from plan_scale import study

from synthaug.config.study import load_study
from synthaug.runs import chunks_of, parts_of

VOLUMES, GPUS = (1_000, 100_000, 1_000_000), (1, 8, 64)
CHUNK_SIZE = 16
#: Synthetic subjects that cardiac function and mask agreement draw (`evaluation.max_synthetic_subjects`).
DRAWN = 2000


@dataclass(frozen=True)
class Seconds:
    """What a cine takes, in s: sampling on a GPU, what the host does in the same job, and what follows."""

    sample: float
    drawn: float
    gate: float
    write: float
    segment: float
    features: float
    measures: float
    pair: float
    real: int
    start: float

    def synthesis(self, volumes: int, chunks: int, gpus: int) -> float:
        """Hours of all chunks."""
        work = volumes * (self.drawn * (self.sample + self.gate) + self.write)
        return self._hours(work, chunks, gpus)

    def parts(self, volumes: int, parts: int, gpus: int) -> float:
        """Hours of segmentation and features."""
        return self._hours(volumes * (self.segment + self.features), 2 * parts, gpus)

    def one_job(self, volumes: int) -> float:
        """Hours of the longest measure that is a single job without a GPU."""
        return max(self.measures * min(volumes, DRAWN), self.audit(volumes)) / 3600

    def audit(self, volumes: int) -> float:
        """Seconds of the audit of images: each synthetic with each real subject, twice over."""
        return 2 * self.pair * self.real * volumes

    def _hours(self, work: float, jobs: int, gpus: int) -> float:
        return (work + jobs * self.start) / min(gpus, jobs) / 3600


def rows(seconds: Seconds, mib: float) -> Iterator[str]:
    """Lines of the table, in Markdown."""
    yield "| volumes | GPUs | synthesis | segmentation, features | longest single job | disk |"
    yield "|---|---|---|---|---|---|"
    for volumes in VOLUMES:
        planned = load_study(study(volumes, CHUNK_SIZE))
        chunks, parts = len(chunks_of(planned)), len(parts_of(planned))
        for gpus in GPUS:
            hours = (
                seconds.synthesis(volumes, chunks, gpus),
                seconds.parts(volumes, parts, gpus),
                seconds.one_job(volumes),
            )
            said = " | ".join(f"{found:,.1f} h" for found in hours)
            yield f"| {volumes:,} | {gpus} | {said} | {volumes * mib / 2**20:,.2f} TiB |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, value, what in (
        ("sample", 16.8, "s of a GPU a sample"),
        ("drawn", 1.0, "samples drawn for an accepted one"),
        ("gate", 0.20, "s of quality control a sample"),
        ("write", 0.41, "s to write image and labels"),
        ("segment", 1.2, "s to segment"),
        ("features", 0.86, "s to extract features"),
        (
            "measures",
            0.74,
            "s of the slowest linear measure: reading a cine and its labels, cardiac function",
        ),
        ("pair", 1.1e-3, "s of the audit a pair of subjects"),
        ("start", 20.0, "s to start a job, load models and end"),
        ("mib", 23.1, "MiB of a cine with labels"),
    ):
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{what} (%(default)s)")
    parser.add_argument("--real", type=int, default=100, help="real subjects of the audit (%(default)s)")
    options = vars(parser.parse_args())
    mib = options.pop("mib")
    print("\n".join(rows(Seconds(**options), mib)))


if __name__ == "__main__":
    main()
