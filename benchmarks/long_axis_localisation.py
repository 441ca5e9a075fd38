"""How far the window of a long-axis cine lies from its labels, by the share of motion that counts and the reach of the search.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/long_axis_localisation.py

Four-chamber cines of simulated patients of five diagnoses on three scanners. The centre of motion
(`synthaug.data.heart_localisation`) is compared with the centre of the labels of ED and ES, which leave out the atria; a
window cuts them if it is smaller than the least one around the centre that holds them. docs/adding-a-dataset.md keeps what
it printed.
"""

from __future__ import annotations

import argparse

import numpy as np

from synthaug.config.phantom import DIAGNOSES, VENDORS
from synthaug.data import heart_localisation
from synthaug.phantom import SCANNERS, draw_parameters, simulate_long_axis
from synthaug.views import LONG_AXIS, SHORT_AXIS

WINDOWS_MM = (144, 168, 192, 216)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    arguments = parser.parse_args()
    settings = [
        (view, heart_localisation._MOVING[view], heart_localisation._HEART_MM[view])
        for view in (SHORT_AXIS, LONG_AXIS)
    ]
    found: dict[str, list[tuple[float, float]]] = {view: [] for view, *_ in settings}
    for index in range(arguments.subjects):
        for_person, for_scan, _ = np.random.SeedSequence(11, spawn_key=(index,)).spawn(3)
        person = draw_parameters(DIAGNOSES[index % len(DIAGNOSES)], np.random.default_rng(for_person))
        vendor = VENDORS[index // len(DIAGNOSES) % len(VENDORS)]
        scan = simulate_long_axis(person, SCANNERS[vendor], for_scan).scan
        pixel_mm = np.asarray(scan.spacing_mm[1:])
        labelled = np.argwhere((scan.labels[[scan.ed_frame, scan.es_frame]] > 0).any(axis=(0, 1)))
        low, high = labelled.min(axis=0), labelled.max(axis=0)
        cine = np.roll(scan.cine, -scan.ed_frame, axis=0)
        for view, moving, heart_mm in settings:
            heart_localisation._MOVING[LONG_AXIS] = moving
            heart_localisation._HEART_MM[LONG_AXIS] = heart_mm
            centre = np.array(heart_localisation.centre_of_motion(cine, scan.spacing_mm, LONG_AXIS))
            offset_mm = np.linalg.norm((centre - labelled.mean(axis=0)) * pixel_mm)
            needed_mm = 2 * np.max(np.maximum(high + 0.5 - centre, centre - low + 0.5) * pixel_mm)
            found[view].append((float(offset_mm), float(needed_mm)))
    for view, moving, heart_mm in settings:
        offsets, needed = np.array(found[view]).T
        cut = ", ".join(f"{window} mm {int((needed > window).sum())}" for window in WINDOWS_MM)
        print(
            f"settings of {view} (motion above {moving:g}, reach {heart_mm:g} mm), n = {len(offsets)}: offset median "
            f"{np.median(offsets):.0f} mm, 90 % {np.percentile(offsets, 90):.0f} mm; windows that cut labels: {cut}"
        )


if __name__ == "__main__":
    main()
