"""What the settings of the harmonisation do, on phantoms whose truth is known and on real cines where a folder is given.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/harmonisation_recipe.py [--subjects 30] [--acdc FOLDER]

Prints tables, which docs/benchmarks.md keeps:

- `slice_alignment`: displacement of the slices beside a parabola along the stack (root mean square over slices, mm), before
  and after whole-pixel correction. Phantoms: the displacement that was simulated. Real cines: that of the labels' centres
  (LV with myocardium, ED), which move for other reasons, too; and displacements that were added, of which the slope says
  what share is found.
- `frame_interpolation`: PSNR of every second frame, predicted from the others, within 6 cm of the heart.
- `intensities` and `bias_field`: standard deviation over the subjects of the median intensity of blood and of myocardium,
  and the sd within blood (unevenness), with each recipe; phantoms of three scanners.
- Landmarks: mean foreground deciles of the phantoms with `intensities: percentiles`, the default of `harmonisation.landmarks`.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
from scipy.ndimage import shift

from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.config.phantom import DIAGNOSES
from synthaug.data.findings import SubjectError
from synthaug.data.harmonise import harmonise_cine
from synthaug.data.heart_localisation import centre_of_motion
from synthaug.data.intensities import foreground_deciles
from synthaug.data.orientation import OrientedCine, orient_cine
from synthaug.data.readers import find_subjects
from synthaug.data.resampling import apply_weights, beat_weights
from synthaug.data.slice_alignment import slice_shifts
from synthaug.labels import LV, MYO
from synthaug.phantom import SCANNERS, draw_parameters, simulate, simulation

#: Standard deviation in mm of the displacements that are added to real slices: that of the phantoms.
ADDED_MM = 1.3
UNTURNED = {"transpose": False, "flip_x": False, "flip_y": False, "apex_first": False}


def phantoms(count: int) -> tuple[list[OrientedCine], list[np.ndarray]]:
    """Cines of all scanners and diagnoses, and the displacements (y, x) of their slices in mm."""
    cines, shifts = [], []
    place = simulation._place_slices

    def placed(*arguments: object) -> object:
        stack = place(*arguments)
        shifts.append(stack.shifts[:, ::-1])
        return stack

    with mock.patch.object(simulation, "_place_slices", placed):
        for index in range(count):
            person = draw_parameters(DIAGNOSES[index % 5], np.random.default_rng(index))
            scan = simulate(person, SCANNERS["ABC"[index % 3]], index)
            cine, labels = (np.roll(array, -scan.ed_frame, axis=0) for array in (scan.cine, scan.labels))
            es = (scan.es_frame - scan.ed_frame) % len(cine)
            own = {frame: labels[frame] for frame in (0, es)}
            cines.append(OrientedCine(cine, own, scan.spacing_mm, es, [], UNTURNED))
    return cines, shifts


def real_cines(folder: Path) -> list[OrientedCine]:
    """Cines of a folder in the layout of ACDC that can be used."""
    cines = []
    for subject in find_subjects(AcdcSettings(layout="acdc", root=str(folder)), folder):
        try:
            cines.append(orient_cine(subject.load(), subject.ed_frame, subject.es_frame))
        except SubjectError:
            continue
    return cines


def beside_a_parabola(course: np.ndarray) -> np.ndarray:
    powers = np.vander(np.linspace(-1, 1, len(course)), 3)
    return course - powers @ np.linalg.lstsq(powers, course, rcond=None)[0]


def size(course: np.ndarray) -> float:
    return float(np.sqrt((beside_a_parabola(course) ** 2).sum(axis=1).mean()))


def measured(cine: OrientedCine) -> np.ndarray | None:
    """Displacements in mm."""
    shifts = slice_shifts(cine.cine, cine.spacing_mm, centre_of_motion(cine.cine, cine.spacing_mm))
    return None if shifts is None else shifts * cine.spacing_mm[1:]


def whole_pixels(found: np.ndarray, cine: OrientedCine) -> np.ndarray:
    return np.round(found / cine.spacing_mm[1:]) * cine.spacing_mm[1:]


def report_alignment(name: str, cases: Sequence[tuple[OrientedCine, np.ndarray, np.ndarray]]) -> None:
    """Print how a course along the stack changes by correction; cases are cine, course in mm, slices that have one."""
    before, after, found_all, truth_all = [], [], [], []
    for cine, course, slices in cases:
        found = measured(cine)
        if found is None or slices.sum() < 5:
            continue
        before.append(size(course[slices]))
        after.append(size((course - whole_pixels(found, cine))[slices]))
        found_all.append(beside_a_parabola(found[slices]))
        truth_all.append(beside_a_parabola(course[slices]))
    found, truth = np.concatenate(found_all).ravel(), np.concatenate(truth_all).ravel()
    lower = int((np.array(after) < np.array(before)).sum())
    means = [np.sqrt(np.mean(np.square(values))) for values in (before, after)]
    print(
        f"{name}\t{len(before)}\t{means[0]:.2f}\t{means[1]:.2f}\t{lower}\t{np.corrcoef(found, truth)[0, 1]:.2f}"
        f"\t{(found * truth).sum() / (truth**2).sum():.2f}\t{np.sqrt(2 * np.mean((found - truth) ** 2)):.2f}"
    )


def label_centres(cine: OrientedCine) -> tuple[np.ndarray, np.ndarray]:
    heart = np.isin(cine.labels[0], (LV, MYO))
    slices = heart.any(axis=(1, 2))
    course = np.zeros((len(heart), 2))
    course[slices] = [np.argwhere(one).mean(axis=0) * cine.spacing_mm[1:] for one in heart[slices]]
    return course, slices


def report_added(cines: Sequence[OrientedCine]) -> None:
    """Print what is found of displacements that are added to real slices."""
    random = np.random.default_rng(0)
    change, truth = [], []
    for cine in cines:
        added = random.normal(0, ADDED_MM, (cine.cine.shape[1], 2))
        pixels = added / cine.spacing_mm[1:]
        moved = [shift(cine.cine[:, k], (0, *pixels[k]), order=1, mode="nearest") for k in range(len(pixels))]
        first, second = measured(cine), measured(dataclasses.replace(cine, cine=np.stack(moved, axis=1)))
        if first is None or second is None:
            continue
        change.append(beside_a_parabola(second - first))
        truth.append(beside_a_parabola(added))
    found, known = np.concatenate(change).ravel(), np.concatenate(truth).ravel()
    print(
        f"added to real\t{len(change)}\t{np.sqrt(2 * np.mean(known**2)):.2f}\t\t\t{np.corrcoef(found, known)[0, 1]:.2f}"
        f"\t{(found * known).sum() / (known**2).sum():.2f}\t{np.sqrt(2 * np.mean((found - known) ** 2)):.2f}"
    )


def report_frames(name: str, cines: Sequence[OrientedCine]) -> None:
    """Print the PSNR of every second frame from the others; cines of an odd number of frames have a gap and are left out."""
    values = []
    for cine in cines:
        if len(cine.cine) % 2:
            continue
        y, x = (int(c) for c in centre_of_motion(cine.cine, cine.spacing_mm))
        rows, columns = (int(60 / mm) for mm in cine.spacing_mm[1:])
        near = cine.cine[:, :, max(y - rows, 0) : y + rows, max(x - columns, 0) : x + columns]
        low, high = np.percentile(near, (0.5, 99.5))
        kept, held = near[::2], near[1::2]
        between = np.arange(len(held)) + 0.5
        pair = []
        for order in ("linear", "cubic"):
            predicted = apply_weights(kept, beat_weights(len(kept), between, order), 0)
            pair.append(10 * np.log10((high - low) ** 2 / np.mean((predicted - held) ** 2)))
        values.append(pair)
    linear, cubic = np.mean(values, axis=0)
    better = sum(pair[1] > pair[0] for pair in values)
    print(f"{name}\t{len(values)}\t{linear:.2f}\t{cubic:.2f}\t{better}")


def report_intensities(cines: Sequence[OrientedCine], **recipe: str) -> None:
    """Print how far the subjects' medians differ."""
    settings = HarmonisationSettings.model_validate(recipe)
    blood, muscle, uneven = [], [], []
    clock = time.process_time()
    for cine in cines:
        done = harmonise_cine(cine, settings)
        inside, wall = (done.cine[0][done.labels[0] == label] for label in (LV, MYO))
        blood.append(np.median(inside))
        muscle.append(np.median(wall))
        centres = [
            np.median(done.cine[0, k][done.labels[0][k] == LV])
            for k in range(done.cine.shape[1])
            if (done.labels[0][k] == LV).sum() > 20
        ]
        uneven.append(np.std(centres))
    seconds = (time.process_time() - clock) / len(cines)
    contrast = np.subtract(blood, muscle)
    print(
        f"{recipe}\t{np.mean(blood):.3f} ({np.std(blood):.3f})\t{np.mean(muscle):.3f} ({np.std(muscle):.3f})\t"
        f"{np.mean(contrast):.3f} ({np.std(contrast):.3f})\t{np.mean(uneven):.3f}\t{seconds:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subjects", type=int, default=30)
    parser.add_argument("--acdc", type=Path)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    cines, shifts = phantoms(options.subjects)
    real = real_cines(options.acdc) if options.acdc else []
    print("displacement\tn\tbefore (mm)\tafter (mm)\tlower in\tr\tslope\terror (mm)")
    everywhere = [np.ones(len(course), bool) for course in shifts]
    report_alignment("phantoms", list(zip(cines, shifts, everywhere, strict=True)))
    if real:
        report_alignment("real labels", [(cine, *label_centres(cine)) for cine in real if 0 in cine.labels])
        report_added(real)
    print("every second frame\tn\tlinear (dB)\tcubic (dB)\tcubic better in")
    report_frames("phantoms", cines)
    if real:
        report_frames("real", real)
    print(
        "recipe\tblood (sd)\tmyocardium (sd)\tcontrast (sd)\tsd of blood over slices\tprocessor s a subject"
    )
    for bias in ("none", "n4"):
        for intensities in ("percentiles", "histogram"):
            report_intensities(cines, bias_field=bias, intensities=intensities)
    deciles = []
    for cine in cines:
        done = harmonise_cine(cine, HarmonisationSettings()).cine
        deciles.append(foreground_deciles(done, np.ones(done.shape[2:], bool)))
    print("landmarks", np.mean(deciles, axis=0).round(2).tolist(), sep="\t")


if __name__ == "__main__":
    main()
