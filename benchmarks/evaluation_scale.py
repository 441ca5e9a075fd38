"""Time and peak memory of every evaluation measure against the size of the synthetic cohort.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/evaluation_scale.py [--sizes 2000 8000 32000] [--cases NAME ...]

100 real subjects. Synthetic features are random; synthetic hearts are one ring, linked: what a measure costs does not
depend on them. Inputs are written first and not counted. Each measurement runs in a process of its own; prints one
line each, with its seconds and its largest resident memory. docs/scaling.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.features.depth import with_thirds
from synthaug.features.files import FeatureMeta, read_features
from synthaug.features.spool import FeatureSpool
from synthaug.measures.measurement import Measurement
from synthaug.measures.memorisation.roles import Roles
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table

REAL, TRAINING, WIDTH, FRAMES, SLICES, SIDE = 100, 80, 32, 6, 6, 32
SPACING_MM = (10.0, 2.0, 2.0)
_LINKS = 30_000  # of one file; a file system has a limit
_MEASUREMENT = Measurement({"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings())


# --- inputs -------------------------------------------------------------------------------------


def write_features(path: Path, count: int, prefix: str, seed: int) -> None:
    """Random features: an image a row, and clips through time and through the stack."""
    rng = np.random.default_rng(seed)
    with FeatureSpool() as spool:
        for number in range(count):
            frames = rng.normal(size=(FRAMES * SLICES, WIDTH))
            kinds = {"frames": frames, "temporal": frames[:SLICES], "spatial": frames[:FRAMES]}
            spool.add(f"{prefix}-{number:06d}", with_thirds(kinds, SLICES))
        spool.write(path, FeatureMeta("made", whiten=True))


def ring(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A cine (t, z, y, x) of a ring that contracts, and its labels."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    labels = np.zeros((FRAMES, SLICES, SIDE, SIDE), np.uint8)
    rng = np.random.default_rng(seed)
    for t in range(FRAMES):
        cavity = (6 + rng.uniform(-1, 1)) * (1 - 0.3 * np.sin(np.pi * t / FRAMES))
        distance = np.hypot(y, x)
        right = (np.hypot(y, x + 9) < cavity) & (distance > cavity + 3)
        labels[t] = np.select([distance < cavity, distance < cavity + 3, right], [1, 2, 3])
    grey = np.array([0.3, 0.9, 0.35, 0.8])[labels]
    return np.clip(grey + 0.05 * rng.standard_normal(grey.shape), 0, 1).astype(np.float32), labels


def write_hearts(folder: Path, kind: str, prefix: str, count: int) -> None:
    """A cohort; synthetic hearts are links to one, real ones differ."""
    rows = []
    first = None
    for number in range(count):
        subject = f"{prefix}-{number:06d}"
        own = folder / f"sub-{subject}"
        if kind == "real" or number % _LINKS == 0:
            cine, labels = ring(number)
            write_subject(own, cine, dict(enumerate(labels)), SPACING_MM)
            first = own
        else:
            assert first is not None
            own.mkdir()
            for file in first.iterdir():
                os.link(file, own / file.name)
        rows.append(
            {
                "subject": subject,
                "dataset": prefix,
                "diagnosis": "NOR",
                "ed_frame": 0,
                "es_frame": FRAMES // 2,
                "labelled_frames": ",".join(map(str, range(FRAMES))),
                "n_frames": FRAMES,
                "n_slices": SLICES,
                "lv_edv_ml": 100.0,
                "requested_lv_edv_ml": 100.0 + number % 7,
            }
        )
    meta = {} if kind == "real" else {"generator": "g", "hashes": {}, "seen": [], "conditions": ["lv_edv_ml"]}
    write_cohort(folder, prefix, kind, rows, SPACING_MM, **meta)


def write_chunks(folder: Path, count: int, size: int = 1000) -> None:
    """Requests, and chunks of accepted subjects as `synthesise_chunk` leaves them."""
    write_hearts(folder / "all", "synthetic", "s", count)
    table = pd.read_csv(folder / "all" / "subjects.tsv", sep="\t")
    requested = table[["subject"]].assign(seed=range(count)).to_dict("records")
    write_cohort(folder / "requests", "requests", "request", requested, SPACING_MM)
    for start in range(0, count, size):
        part, chunk = table.iloc[start : start + size], folder / "chunks" / str(start // size)
        chunk.mkdir(parents=True)
        for subject in part["subject"]:
            (folder / "all" / f"sub-{subject}").rename(chunk / f"sub-{subject}")
        identity = {"hashes": {}, "seen": [], "conditions": []}
        rows = part.to_dict("records")
        write_cohort(chunk, "g", "synthetic", rows, SPACING_MM, generator="g", **identity)
        attempts = part[["subject"]].assign(attempt=1, seed=0, accepted=True, reasons="", intensity_span=1.0)
        write_tsv(chunk / "attempts.tsv", attempts.assign(lv_ml=100.0))


def write_scores(path: Path, count: int) -> None:
    """Scores of `count` rows: patients, structures, phases and trainings."""
    about = {**columns_of("dice"), "status": "ok", "task": "segmentation", "arm": "real", "phase": "ED"}
    rows = pd.DataFrame(
        {
            **about,
            "value": 0.9,
            "structure": "LV",
            "fold": 0,
            "generator_seed": 0,
            "training_seed": np.arange(count) // 1000,
            "subject": [f"p-{number % 1000:06d}" for number in range(count)],
        }
    )
    write_tsv(path, make_table(rows.to_dict("records")))


def prepare(folder: Path, size: int, names: list[str]) -> None:
    """Write the inputs of these cases."""
    if not (folder / "real.npz").exists():
        write_features(folder / "real.npz", REAL, "r", 0)
        write_hearts(folder / "real", "real", "r", REAL)
    if set(names) & FEATURES:
        write_features(folder / f"{size}.npz", size, "s", 1)
    if set(names) & HEARTS:
        write_hearts(folder / str(size), "synthetic", "s", size)
    if "gather_synthetic" in names:
        write_chunks(folder / f"chunked-{size}", size)
    if "collate_results" in names:
        write_scores(folder / f"{size}.tsv", size)


# --- cases --------------------------------------------------------------------------------------


def _subjects(first: int, last: int) -> list[str]:
    return [f"r-{number:06d}" for number in range(first, last)]


_TRAINED, _HELD_OUT = _subjects(0, TRAINING), _subjects(TRAINING, REAL)
_ROLES = Roles(_TRAINED, _HELD_OUT)


def measure_distances(folder: Path, size: int) -> None:
    from synthaug.measures.distances import measure_distances

    sides = read_features(folder / "real.npz"), read_features(folder / f"{size}.npz")
    measure_distances(*sides, {"real train": _TRAINED}, _MEASUREMENT)


def measure_fidelity(folder: Path, size: int) -> None:
    from synthaug.measures.fidelity import measure_fidelity

    sides = read_features(folder / "real.npz"), read_features(folder / f"{size}.npz")
    measure_fidelity(*sides, _TRAINED, _MEASUREMENT)


def map_features(folder: Path, size: int) -> None:
    from synthaug.measures.feature_maps import map_features

    map_features(
        read_features(folder / "real.npz"), read_features(folder / f"{size}.npz"), _TRAINED, _MEASUREMENT
    )


def compare_generators(folder: Path, size: int) -> None:
    from synthaug.measures.generator_comparison import compare_generators

    made = {name: read_features(folder / f"{size}.npz") for name in ("a", "b")}
    compare_generators(read_features(folder / "real.npz"), made, {"real train": _TRAINED}, _MEASUREMENT)


def audit_features(folder: Path, size: int) -> None:
    from synthaug.measures.memorisation.feature_audit import audit_features

    rng = np.random.default_rng(0)
    audit_features(
        Cohort.open(folder / "real"),
        read_features(folder / "real.npz"),
        read_features(folder / f"{size}.npz"),
        lambda cine: rng.normal(size=(FRAMES, WIDTH)),
        _ROLES,
        _MEASUREMENT,
    )


def audit_memorisation(folder: Path, size: int) -> None:
    from synthaug.measures.memorisation.image_audit import audit_memorisation

    audit_memorisation(Cohort.open(folder / "real"), Cohort.open(folder / str(size)), _ROLES, _MEASUREMENT)


def measure_phenotypes(folder: Path, size: int) -> None:
    from synthaug.measures.phenotypes import tabulate_phenotypes

    tabulate_phenotypes(Cohort.open(folder / str(size)))


def measure_cardiac_function(folder: Path, size: int) -> None:
    from synthaug.measures.cardiac_function import measure_cardiac_function

    measure_cardiac_function(Cohort.open(folder / "real"), Cohort.open(folder / str(size)), _MEASUREMENT)


def find_duplicates(folder: Path, size: int) -> None:
    """Of as many real subjects; the hashes are random, because links would all be pairs."""
    from synthaug.measures.duplicates import hash_cine, near_pairs

    hash_cine(ring(0)[0])
    hashes = np.random.default_rng(0).integers(0, 2**63, (size, 16, 9, 4)).astype(np.uint64)
    near_pairs(hashes, 0.2)


def gather_synthetic(folder: Path, size: int) -> None:
    from synthaug.synthesis.gather import gather_chunks

    here = folder / f"chunked-{size}"
    chunks = sorted((here / "chunks").iterdir(), key=lambda chunk: int(chunk.name))
    gather_chunks(chunks, Cohort.open(here / "requests"), here / "cohort", 0.5)


def write_training_set(folder: Path, size: int) -> None:
    from synthaug.tasks.segmentation.training_set import write_raw_dataset
    from synthaug.tasks.training_subjects import choose_training_subjects

    real = Cohort.open(folder / "real")
    roles = ["train"] * TRAINING + ["validation"] * (REAL - TRAINING)
    split = pd.DataFrame(
        {"subject": real.subjects, "patient": real.subjects, "role": roles, "labelled": True}
    )
    arm = Arm("plus", True, "g", size / TRAINING)
    chosen = choose_training_subjects(
        arm, real, split.assign(vendor="A", dataset="r"), Cohort.open(folder / str(size))
    )
    write_raw_dataset(folder / f"raw-{size}", chosen)


def collate_results(folder: Path, size: int) -> None:
    """Of as many result rows; there is none of a synthetic subject."""
    from synthaug.tables.collate import collate

    collate([folder / f"{size}.tsv"], folder / f"version-{size}", {})


def gather_content(folder: Path, size: int) -> None:
    """The sections of the report that read a synthetic cohort."""
    from synthaug.report.gather import gather_content
    from synthaug.report.inputs import ReportInputs, SyntheticRun
    from synthaug.tables.collate import collate

    rows, here = folder / f"few-{size}.tsv", folder / str(size)
    write_scores(rows, 100)
    collate([rows], folder / f"few-{size}", {})
    audited = pd.DataFrame({"subject": Cohort.open(here).subjects, "similarity": 0.5, "copy": False})
    write_tsv(folder / f"pairs-{size}.tsv", audited.assign(training_subject=_TRAINED[0]))
    gather_content(
        ReportInputs(
            tables=folder / f"few-{size}",
            study={"name": "large", "tasks": {"segmentation": {"kind": "segmentation"}}},
            arms=[Arm("real", True, None, 0.0)],
            cohorts={"real": folder / "real"},
            synthetic=[SyntheticRun("g", 0, 0, here, pairs=folder / f"pairs-{size}.tsv")],
        ),
        ReportSettings(),
        folder / f"report-{size}",
    )


CASES: dict[str, Callable[[Path, int], None]] = {
    case.__name__: case
    for case in (
        measure_distances,
        measure_fidelity,
        map_features,
        compare_generators,
        audit_features,
        audit_memorisation,
        measure_phenotypes,
        measure_cardiac_function,
        find_duplicates,
        gather_synthetic,
        write_training_set,
        collate_results,
        gather_content,
    )
}
FEATURES = {"measure_distances", "measure_fidelity", "map_features", "compare_generators", "audit_features"}
HEARTS = {
    "audit_memorisation",
    "measure_phenotypes",
    "measure_cardiac_function",
    "write_training_set",
    "gather_content",
}


def measure(folder: Path, size: int, name: str) -> None:
    """Run one case and print its line."""
    started, processor = time.perf_counter(), time.process_time()
    CASES[name](folder, size)
    seconds, busy = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {name} | {size} | {seconds:.1f} s | {busy:.1f} s | {peak:.0f} MiB |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 8000, 32000])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folder", type=Path, help="where inputs are; a temporary folder if not given")
    parser.add_argument("--child", nargs=2, metavar=("SIZE", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        step, size = options.child[1], int(options.child[0])
        if step == "prepare":
            prepare(options.folder, size, options.cases)
        else:
            measure(options.folder, size, step)
        return
    print(
        "| measure | synthetic subjects | time | of a processor | peak memory |\n|---|---|---|---|---|",
        flush=True,
    )
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            command = [
                sys.executable,
                __file__,
                "--folder",
                folder,
                "--cases",
                *options.cases,
                "--child",
                str(size),
            ]
            subprocess.run([*command, "prepare"], check=True)
            for name in options.cases:
                if subprocess.run([*command, name]).returncode:
                    print(f"| {name} | {size} | failed | | |", flush=True)


if __name__ == "__main__":
    main()
