"""Random phantoms written in every layout, read and harmonised: are volumes, labels and phases those that were written?

    python benchmarks/round_trip.py --subjects 200 --processes 2

The same simulated scans are written in each layout by `synthaug.phantom`, read by its reader, harmonised, and their labels
taken from the cohort's native files. A subject fails where a volume measured on its native labels differs by more than 2 %
from that of the labels that were written, one of the cohort's table by more than 1 % (where the window holds the heart), a
label voxel differs, or ED and ES are other frames. Exit 1 where one does.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug import phantom
from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.load_subject import load_subject
from synthaug.data.readers import find_subjects
from synthaug.labels import LV, MYO, STRUCTURES
from synthaug.phantom.simulation import simulate

LAYOUTS = ("acdc", "mnms", "mnms2", "nifti", "dicom", "dsb", "sunnybrook", "ukb")
#: Layouts whose labels are those that were written; contours are resampled, the others have none.
SAME_LABELS = ("acdc", "mnms", "mnms2", "nifti")
WITHIN = 0.02
#: Volumes in the cohort's table by structure, at ED and at ES.
TABLE = {"LV": ("lv_edv_ml", "lv_esv_ml"), "RV": ("rv_edv_ml", "rv_esv_ml")}
#: Scans in memory at a time.
BLOCK = 20


def simulated(settings: PhantomSettings, processes: int) -> list[Any]:
    """The scans that `write_phantom` would simulate, which it then takes instead: simulating them takes most of the time."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        scans = list(pool.map(partial(_scan_of, settings), range(settings.subjects)))
    phantom.simulate = lambda person, scanner, seeds: scans[seeds.spawn_key[0]]
    return scans


def _scan_of(settings: PhantomSettings, index: int) -> Any:
    diagnosis = settings.diagnoses[index % len(settings.diagnoses)]
    vendor = settings.vendors[(index // len(settings.diagnoses)) % len(settings.vendors)]
    for_person, for_scan, _ = np.random.SeedSequence(settings.seed, spawn_key=(index,)).spawn(3)
    person = phantom.draw_parameters(diagnosis, np.random.default_rng(for_person))
    return simulate(person, phantom.SCANNERS[vendor], for_scan)


def problems(
    layout: phantom.Layout, settings: PhantomSettings, scans: list[Any], root: Path, processes: int
) -> dict[str, list[str]]:
    """Problems by subject, of one layout; subjects without any have an empty list."""
    raw, cohort_folder = root / layout, root / f"{layout}-cohort"
    phantom.write_phantom(raw, layout, settings)
    dataset = parse({"layout": layout, "root": str(raw), "minimum_subjects": 1}, DatasetSettings)
    harmonise_dataset("p", dataset, raw, HarmonisationSettings(), cohort_folder, processes)
    truth = pd.read_csv(raw / "ground_truth.tsv", sep="\t", dtype={"subject": str})
    cohort = Cohort.open(cohort_folder)
    subjects = {subject.id: subject for subject in find_subjects(dataset, raw)}
    said: dict[str, list[str]] = {}
    for scan, row in zip(scans, truth.to_dict("records"), strict=True):
        name = f"p-{row['subject']}"
        if name in cohort.folders:
            said[name] = _of_subject(layout, cohort, name, subjects[row["subject"]], row, scan)
        else:
            said[name] = ["was not harmonised"]
    return said


def _of_subject(layout: str, cohort: Cohort, name: str, subject: Any, row: Any, scan: Any) -> list[str]:
    found = []
    raw = load_subject(subject)
    ed = subject.ed_frame if subject.ed_frame is not None else raw.ed_frame
    es = subject.es_frame if subject.es_frame is not None else raw.es_frame
    if layout == "sunnybrook":  # the labels decide, and the outer contour is drawn at ED only
        ed, es = min(raw.labels), max(raw.labels)
    if layout in ("dsb", "ukb"):
        ed, es = (
            ed or 0,
            row["es_frame"],
        )  # these layouts do not say where ES is, and trigger times count from ED
    if (ed, es) != (row["ed_frame"], row["es_frame"]):
        found.append(f"ED and ES are {ed} and {es}, written {row['ed_frame']} and {row['es_frame']}")
    if layout not in (*SAME_LABELS, "sunnybrook"):
        return found
    native = cohort.native(name)
    listed = cohort.table.loc[name]
    own_ml = float(np.prod(native.grid.spacing_mm)) / 1000
    for phase, (frame, number) in enumerate(((scan.ed_frame, 0), (scan.es_frame, int(listed["es_frame"])))):
        labels, written = native.labels[number], scan.labels[frame]
        structures = {"LV": LV} if layout == "sunnybrook" else STRUCTURES
        for structure, value in structures.items():
            volume, true = int((labels == value).sum()), int((written == value).sum())
            if abs(volume - true) > WITHIN * true:
                found.append(f"{structure} has {volume / max(true, 1) - 1:+.1%} of its voxels")
            if structure in TABLE and layout in SAME_LABELS and listed["outside_window"] == 0:
                said = listed[TABLE[structure][phase]] / (true * own_ml) - 1
                if not abs(said) <= 0.01:
                    found.append(f"{TABLE[structure][phase]} is {said:+.1%} of what was written")
        if layout in SAME_LABELS and not _same(labels, written):
            found.append("labels differ")
    if layout == "sunnybrook" and MYO not in np.unique(native.labels[0]):
        found.append("no MYO at ED")
    return found


def _same(labels: np.ndarray, written: np.ndarray) -> bool:
    """Whether two stacks are equal up to the quarter turns and mirrors of a display."""
    if sorted(labels.shape) != sorted(written.shape):
        return False
    for transposed in (labels, labels.swapaxes(1, 2)):
        for flips in np.ndindex(2, 2, 2):
            turned = transposed[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
            if np.array_equal(turned, written):
                return True
    return False


def main() -> int:
    """Print a line a layout; 1 where a subject fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=11, help="seed of the first block of subjects")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    said: dict[str, dict[str, list[str]]] = {layout: {} for layout in options.layouts}
    for block, first in enumerate(range(0, options.subjects, BLOCK)):
        count = min(BLOCK, options.subjects - first)
        settings = PhantomSettings(subjects=count, vendors=["A", "B", "C"], seed=options.seed + block)
        scans = simulated(settings, options.processes)
        for layout in options.layouts:
            with tempfile.TemporaryDirectory() as root:
                found = problems(layout, settings, scans, Path(root), options.processes)
            said[layout] |= {f"seed {settings.seed}, {name}": found[name] for name in found}
        print(f"{first + count} of {options.subjects} subjects", file=sys.stderr, flush=True)
    print("| layout | subjects | without a problem | the first problem |\n|---|---|---|---|")
    failed = 0
    for layout, found in said.items():
        wrong = {name: problems for name, problems in found.items() if problems}
        failed += len(wrong)
        shown = next((f"{name}: {problems[0]}" for name, problems in wrong.items()), "")
        print(f"| {layout} | {len(found)} | {len(found) - len(wrong)} | {shown} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
