"""Seconds of `synthaug evaluate` by stage, on one thread and on several.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/evaluate_folders.py FOLDER [--subjects 100] [--threads 1 2]

Two folders of phantom cines are written to FOLDER first: beating ellipsoids of 28 frames of 10 x 128 x 128 with noise, in the
second one noisier and with another contrast. Each number of threads compares them anew, in an output of its own. Printed are
seconds by the clock and of the processor (all threads together) of each stage; the second are what other work on the
machine disturbs less. docs/benchmarks.md keeps what it printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import beating_ellipsoid

from synthaug.compare_folders import EvaluateOptions, compare, evaluate_folders
from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.data.nifti import write_nifti

FRAMES, SLICES, MATRIX = 28, 10, 128
SPACING_MM = (10.0, 1.5, 1.5)
#: Functions of `synthaug.compare_folders.compare` that a comparison consists of.
STAGES = {
    "_read_sides": "files read and checked",
    "cohort_on_grid": "cines on one voxel grid written",
    "extractor_weights": "extractor trained",
    "_features": "cines described",
    "_measure": "distances",
}


def write_folder(folder: Path, subjects: int, seed: int, noise: float, contrast: float) -> None:
    """Cines of random volumes as int16 NIfTI, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(subjects):
        file = folder / f"subject-{index:03d}.nii.gz"
        if file.is_file():
            continue
        rng = np.random.default_rng([seed, index])
        edv_ml = rng.uniform(100, 220)
        cine, _ = beating_ellipsoid.beating_heart(edv_ml, edv_ml * rng.uniform(0.3, 0.6), SLICES, index)
        cine = 1000 * (cine + noise * rng.standard_normal(cine.shape, np.float32)).clip(0) ** contrast
        affine = np.diag([*SPACING_MM[::-1], 1.0])
        write_nifti(nib.Nifti1Image(cine.T.astype(np.int16), affine), file)


def timed(function: Callable[..., Any], seconds: dict[str, np.ndarray]) -> Callable[..., Any]:
    """The function, which adds its seconds by the clock and of the processor to those of its name."""

    def measured(*arguments: Any, **keywords: Any) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = function(*arguments, **keywords)
        found = np.array([time.perf_counter() - wall, time.process_time() - processor])
        seconds[function.__name__] = seconds.get(function.__name__, np.zeros(2)) + found
        return result

    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", type=int, default=100, help="in each folder")
    parser.add_argument("--iterations", type=int, default=150, help="training steps of the extractor")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    beating_ellipsoid.FRAMES, beating_ellipsoid.MATRIX = FRAMES, MATRIX
    beating_ellipsoid.SPACING_MM = SPACING_MM
    sides = options.folder / "real", options.folder / "made"
    write_folder(sides[0], options.subjects, 0, 0.0, 1.0)
    write_folder(sides[1], options.subjects, 1, 0.03, 1.2)
    model = MaskedAutoencoderSettings.model_validate(
        {"kind": "masked_autoencoder", "training": {"iterations": options.iterations}}
    )
    stages = {name: getattr(compare, name) for name in STAGES}
    for threads in options.threads:
        output = options.folder / f"threads-{threads}"
        shutil.rmtree(output, ignore_errors=True)
        seconds: dict[str, np.ndarray] = {}
        for name, function in stages.items():
            setattr(compare, name, timed(function, seconds))
        settings = EvaluateOptions(model=model, resample=True, size=64, threads=threads)
        timed(evaluate_folders, seconds)(*sides, output, settings)
        print(f"{threads} thread(s), {options.subjects} + {options.subjects} cines:")
        for name, title in {**STAGES, "evaluate_folders": "all"}.items():
            wall, processor = seconds[name]
            print(
                f"  {title:<32} {wall:7.1f} s by the clock, {processor:7.1f} s of the processor", flush=True
            )


if __name__ == "__main__":
    main()
