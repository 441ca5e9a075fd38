"""How fast a dataset is harmonised, and in how much memory, beside the same recipe in TorchIO and in MONAI.

    pip install --target FOLDER --no-deps torchio jaxtyping humanize deprecated
    OMP_NUM_THREADS=1 PYTHONPATH=FOLDER .venv/bin/python benchmarks/harmonisation_speed.py [--subjects 12] [--rounds 3]

Phantoms in the layout of ACDC are written once and harmonised by each side in turn, every time in a process of its own
with one thread: read the cine and the labels of ED and ES, orient, crop to the window, resample to 1.5 mm and 16 frames,
map two percentiles to 0 and 1, write compressed 16-bit integers. TorchIO and MONAI crop around the middle of the image,
take labels by the nearest voxel and check nothing. synthaug beside that finds the heart by its motion, looks for findings,
measures volumes, hashes what it writes and keeps the labels on the patient's own grid. Imports are not timed. Prints one
line a side: subjects per second by the clock and of the processor (medians of the rounds) and the peak memory of the
process. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.config.phantom import PhantomSettings
from synthaug.data.harmonise import harmonise_dataset
from synthaug.phantom import write_phantom

GRID = HarmonisationSettings()
#: In the order of the files' axes.
MATRIX, SPACING = GRID.matrix[::-1], GRID.spacing_mm[::-1]
STEPS = 32767


def patients(root: Path) -> list[tuple[Path, list[Path]]]:
    """Cine and label files of each patient."""
    folders = sorted(root.glob("training/patient*"))
    return [(next(f.glob("*_4d.nii.gz")), sorted(f.glob("*_gt.nii.gz"))) for f in folders]


def by_synthaug(root: Path, output: Path) -> None:
    dataset = AcdcSettings(layout="acdc", root=str(root), minimum_subjects=1)
    harmonise_dataset("phantom", dataset, root, GRID, output)


def frames_of(cine: Any) -> Any:
    """The frames (t, x, y, z) of a tensor, interpolated linearly along the cycle."""
    import torch

    positions = torch.arange(GRID.frames) * (len(cine) / GRID.frames)
    before = positions.long()
    share = (positions - before)[:, None, None, None]
    return cine[before] * (1 - share) + cine[(before + 1) % len(cine)] * share


def by_torchio(root: Path, output: Path) -> None:
    import torch
    import torchio as tio

    place = tio.Compose([tio.ToCanonical(), tio.Resample(SPACING), tio.CropOrPad(MATRIX)])
    normalise = tio.RescaleIntensity((0, 1), percentiles=GRID.percentiles)
    for file, labels in patients(root):
        cine = tio.ScalarImage(file)
        cine.set_data(frames_of(cine.data))
        done = normalise(place(cine))
        folder = output / file.parent.name
        folder.mkdir(parents=True)
        done.set_data((done.data * STEPS).round().to(torch.int16))
        done.save(folder / "cine.nii.gz")
        for label in labels:
            place(tio.LabelMap(label)).save(folder / label.name)


def by_monai(root: Path, output: Path) -> None:
    import monai.transforms as mt

    def place(mode: str) -> Any:
        return mt.Compose(
            [
                mt.Orientation("RAS", labels=None),
                mt.Spacing(SPACING, mode=mode, dtype=np.float32),
                mt.ResizeWithPadOrCrop(MATRIX),
            ]
        )

    read = mt.LoadImage(ensure_channel_first=False)
    frames_first, channel_first = mt.EnsureChannelFirst(channel_dim=-1), mt.EnsureChannelFirst("no_channel")
    normalise = mt.ScaleIntensityRangePercentiles(*GRID.percentiles, 0, 1, clip=True)
    image, label = place("bilinear"), place("nearest")
    options = {"separate_folder": False, "print_log": False, "output_postfix": ""}
    for file, labels in patients(root):
        folder = output / file.parent.name
        write = mt.SaveImage(folder, output_dtype=np.int16, **options)
        write_labels = mt.SaveImage(folder, output_dtype=np.uint8, **options)
        write((normalise(image(frames_of(frames_first(read(file))))) * STEPS).round())
        for path in labels:
            write_labels(label(channel_first(read(path))))


SIDES: dict[str, Callable[[Path, Path], None]] = {
    "synthaug": by_synthaug,
    "torchio": by_torchio,
    "monai": by_monai,
}


def measure(side: str, root: Path) -> dict[str, float]:
    """Seconds and memory of one side in this process; the first patient is done once before, so that all is imported."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "first" / "training"
        first.mkdir(parents=True)
        patient = patients(root)[0][0].parent
        (first / patient.name).symlink_to(patient)
        SIDES[side](first.parent, Path(folder) / "uncounted")
        clock, processor = time.perf_counter(), time.process_time()
        SIDES[side](root, Path(folder) / "counted")
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"clock": clock, "processor": processor, "memory": peak}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.root)))
        return
    sides = [side for side in SIDES if find_spec(side)]
    for side in set(SIDES) - set(sides):
        print(f"{side}: not installed; see the top of this file")
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "phantom"
        write_phantom(root, "acdc", PhantomSettings(subjects=options.subjects))
        for _ in range(options.rounds):
            for side in sides:
                command = [sys.executable, __file__, "--side", side, "--root", str(root)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found[side].append(json.loads(done.stdout.splitlines()[-1]))
    print("side\tsubjects/s by the clock\tsubjects/s of the processor\tpeak memory (GiB)")
    for side, rounds in found.items():
        clock, processor, memory = (
            statistics.median(entry[key] for entry in rounds) for key in ("clock", "processor", "memory")
        )
        print(f"{side}\t{options.subjects / clock:.2f}\t{options.subjects / processor:.2f}\t{memory:.2f}")


if __name__ == "__main__":
    main()
