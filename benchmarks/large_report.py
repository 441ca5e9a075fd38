"""Time and memory of the report of a large study: made-up tables, then the page as the workflow makes it.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/large_report.py FOLDER --patients 1000 --seeds 5

The arms of ``benchmarks/large_study.py`` (20), so that 5 seeds are 100 trainings: scores of every test patient in every
training, the comparisons of 30 of these patients, 1 000 epochs of losses a training, one cine for all patients.
docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from large_study import PLACES, made_up_scores, study_arms

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import sha256_file, write_json, write_tsv
from synthaug.data.cohort import write_cohort, write_subject
from synthaug.measures.scoring import CEILING, NATIVE, ON_GRID
from synthaug.metric_registry import columns_of, in_group
from synthaug.report.gather import gather_content
from synthaug.report.inputs import ReportInputs, TrainingRun
from synthaug.report.render import render
from synthaug.statistics.comparisons import compare_arms
from synthaug.tables import COLUMNS
from synthaug.tables.schema import typed

SPACING_MM = (8.0, 2.0, 2.0)
FRAMES, SLICES, SIZE, ES = 8, 9, 64, 3
EPOCHS = 1000


def write_study(folder: Path, patients: int, seeds: int, arms: list[Arm]) -> int:
    """Write everything the report reads; returns the number of result rows."""
    subjects = [f"p{number:04d}" for number in range(patients)]
    _write_cohort(folder / "cohort", subjects)
    split = {"subject": subjects, "patient": subjects, "dataset": "made", "diagnosis": "NOR", "role": "test"}
    split["vendor"] = [_vendor(number) for number in range(patients)]
    write_tsv(folder / "fold-0.tsv", pd.DataFrame({**split, "labelled": True}))
    history = pd.DataFrame({"epoch": range(EPOCHS), "loss": 1 / np.arange(1, EPOCHS + 1)})
    for run in _trainings(folder, arms, seeds):
        run.record.parent.mkdir(parents=True)
        history.to_csv(run.history, index=False)
        write_json(run.record, {"kind": "segmentation", "seconds": 3600.0, "iterations": 250 * EPOCHS})
    return _write_tables(folder / "v001", subjects, seeds, arms)


def _write_cohort(folder: Path, subjects: list[str]) -> None:
    """One heart for all subjects: its files are linked."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    distance = np.hypot(y, x)
    labels = np.broadcast_to(np.select([distance < 10, distance < 14], [1, 2]), (SLICES, SIZE, SIZE))
    noise = np.random.default_rng(0).normal(0, 0.04, (FRAMES, SLICES, SIZE, SIZE))
    cine = np.clip(np.array([0.3, 0.9, 0.35])[labels] + noise, 0, 1)
    first, *others = (folder / f"sub-{subject}" for subject in subjects)
    write_subject(first, cine, {0: labels, ES: labels}, SPACING_MM)
    for other in others:
        other.mkdir()
        for file in first.iterdir():
            os.link(file, other / file.name)
    about = {
        "dataset": "made",
        "diagnosis": "NOR",
        "ed_frame": 0,
        "es_frame": ES,
        "labelled_frames": f"0,{ES}",
    }
    rows = [
        {"subject": subject, "vendor": _vendor(number), **about} for number, subject in enumerate(subjects)
    ]
    write_cohort(folder, "made", "real", rows, SPACING_MM)


def _write_tables(folder: Path, subjects: list[str], seeds: int, arms: list[Arm]) -> int:
    """A table version, an arm at a time."""
    folder.mkdir()
    count, writer = 0, None
    with (folder / "rows.csv").open("w", encoding="utf-8") as csv:
        for rows in _rows(subjects, seeds, arms):
            chunk = typed(rows.reindex(columns=list(COLUMNS)), folder)
            chunk.to_csv(csv, index=False, header=writer is None, lineterminator="\n")
            table = pa.Table.from_pandas(chunk, preserve_index=False)
            writer = writer or pq.ParquetWriter(folder / "rows.parquet", table.schema)
            writer.write_table(table)
            count += len(chunk)
    if writer is not None:
        writer.close()
    sums = "".join(f"{sha256_file(path)}  {path.name}\n" for path in sorted(folder.iterdir()))
    (folder / "SHA256SUMS").write_text(sums)
    return count


def _rows(subjects: list[str], seeds: int, arms: list[Arm]) -> Iterator[pd.DataFrame]:
    few = made_up_scores(arms, patients=30, seeds=seeds).assign(generator_seed=0)
    yield compare_arms(few, arms, EvaluationSettings())
    rng = np.random.default_rng(1)
    metrics = [*NATIVE, *ON_GRID, *CEILING]
    measured = [(metric, *place) for metric in metrics for place in PLACES]
    measured += [(metric, "LV", None) for metric in in_group("cardiac function errors")]
    number, seed, which = (
        axis.ravel() for axis in np.meshgrid(range(len(subjects)), range(seeds), range(len(measured)))
    )
    about = pd.DataFrame(measured, columns=["metric", "structure", "phase"])
    known = pd.DataFrame([columns_of(metric) for metric in about["metric"]])
    about = pd.concat([about, known.drop(columns="metric", errors="ignore")], axis=1)
    vendors = np.array([_vendor(index) for index in range(len(subjects))])
    for arm in arms:
        rows = about.iloc[which].reset_index(drop=True)
        value = rng.normal(0.85, 0.05, len(rows)) - 0.3 * (
            number < 3
        )  # the first three patients are the worst
        missed = rng.uniform(size=len(rows)) < 0.002
        yield rows.assign(
            arm=arm.name,
            generator=arm.generator,
            dose=arm.dose,
            fold=0,
            training_seed=seed,
            generator_seed=0 if arm.generator else None,
            subject=np.array(subjects)[number],
            patient=np.array(subjects)[number],
            role="test",
            vendor=vendors[number],
            diagnosis="NOR",
            n=1,
            value=np.where(missed, 0.0, value),
            status=np.where(missed, "missing_prediction", "ok"),
            note=np.where(missed, "the prediction lacks the structure: Dice 0", ""),
        )


def _vendor(number: int) -> str:
    return "ABC"[number % 3]


def _trainings(folder: Path, arms: list[Arm], seeds: int) -> list[TrainingRun]:
    return [
        TrainingRun(arm.name, 0, 0, model / "training.json", model / "history.csv", seed)
        for arm in arms
        for seed in range(seeds)
        for model in [folder / "trainings" / arm.name / f"seed-{seed}" / "model"]
    ]


def draw(folder: Path, seeds: int, arms: list[Arm]) -> None:
    """Gather and render the report as the workflow does, and print what it took."""
    inputs = ReportInputs(
        tables=folder / "v001",
        study={"name": "large", "tasks": {"segmentation": {"kind": "segmentation"}}},
        arms=arms,
        cohorts={"made": folder / "cohort"},
        splits={0: folder / "fold-0.tsv"},
        segmenters=_trainings(folder, arms, seeds),
    )
    started = time.perf_counter()
    gather_content(inputs, ReportSettings(), folder / "report")
    gathered = time.perf_counter()
    render(folder / "report", folder / "report.html")
    rendered = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = (folder / "report.html").stat().st_size / 2**20
    print(
        f"gathered in {gathered - started:.1f} s, rendered in {rendered - gathered:.1f} s; peak memory {peak:.0f} MiB; "
        f"page {size:.1f} MiB",
        flush=True,
    )


def main() -> None:
    """Write the study unless it is there, then draw its report in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each of the 20 arms")
    options = parser.parse_args()
    arms = study_arms()
    if not options.folder.exists():
        options.folder.mkdir(parents=True)
        rows = write_study(options.folder, options.patients, options.seeds, arms)
        print(f"{options.patients} patients, {options.seeds * len(arms)} trainings, {rows} rows", flush=True)
    child = multiprocessing.get_context("spawn").Process(
        target=draw, args=(options.folder, options.seeds, arms)
    )
    child.start()
    child.join()


if __name__ == "__main__":
    main()
