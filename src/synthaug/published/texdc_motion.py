"""Figure 5 of TexDC: the cycle of text-driven generators in slices, surfaces and volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.labels import LV, MYO, UNLABELLED
from synthaug.metrics.interpolated_mesh import interpolated_mesh, mesh_volume_ml
from synthaug.metrics.volumes import volume_curve_ml
from synthaug.report.plots import images, synthesis
from synthaug.report.plots.meshes import MeshFrame, mesh_sequence

_SUBJECTS = 4  # of each generator, in slices and curves
_FRAMES = 6
#: Size of triangles: a heart has some thousand of them.
_STEP_MM = 3.0


def motion(files: Mapping[str, Mapping[str, Path]], folder: Path) -> list[str]:
    """Draw the middle slice over the cycle with the contours of the masks, and of short axes surfaces and LV volume curves.

    Parameters
    ----------
    files : mapping of str to mapping of str to Path
        Generator -> ``cohort`` -> folder of its subjects.
    folder : Path
        Receives the pictures.

    Returns
    -------
    list of str
        Lines of the page.
    """
    lines = []
    for generator, own in files.items():
        cohort = Cohort.open(own["cohort"])
        shown = cohort.subjects[:_SUBJECTS]
        lines += ["", f"## {generator}", ""]
        if not shown:
            lines.append("No sample passed quality control.")
            continue
        labels = {subject: cohort.label_cine(subject) for subject in shown}
        lines += _cycles(generator, cohort, labels, folder)
        if not cohort.has_volumes:
            continue
        if all((one == UNLABELLED).all() for one in labels.values()):
            lines += ["", "The samples have no masks, hence neither contours, surfaces nor volumes."]
            continue
        lines += _surfaces(generator, cohort, labels, folder) + _curves(generator, cohort, labels, folder)
    return lines


def _cycles(generator: str, cohort: Cohort, labels: Mapping[str, np.ndarray], folder: Path) -> list[str]:
    rows = []
    for subject, masks in labels.items():
        cine = cohort.cine(subject)
        middle = cine.shape[1] // 2
        frames = _spread(range(len(cine)))
        rows.append([(cine[frame, middle], masks[frame, middle]) for frame in frames])
    (folder / f"{generator}-cycle.png").write_bytes(images.montage(rows))
    about = f"Middle slice at {len(rows[0])} frames of {len(rows)} subjects"
    return [f"![{about}]({generator}-cycle.png)", "", f"{about}, a row each."]


def _surfaces(generator: str, cohort: Cohort, labels: Mapping[str, np.ndarray], folder: Path) -> list[str]:
    """Surfaces of the first subject with masks, and a table of the volumes inside them beside those of the masks."""
    subject, masks = next((name, one) for name, one in labels.items() if (one != UNLABELLED).any())
    frames, table = [], []
    curve = volume_curve_ml(masks, "LV", cohort.spacing_mm)
    for frame in _spread(np.flatnonzero((masks != UNLABELLED).any(axis=(1, 2, 3)))):
        cavity = masks[frame] == LV
        ventricle = cavity | (masks[frame] == MYO)
        meshes = [interpolated_mesh(one, cohort.spacing_mm, _STEP_MM) for one in (cavity, ventricle)]
        frames.append(MeshFrame(f"frame {frame}: {curve[frame]:.0f} mL", *meshes))
        voxel_ml = float(np.prod(cohort.spacing_mm)) / 1000
        inside = [
            f"{mask.sum() * voxel_ml:.1f} | {mesh_volume_ml(mesh):.1f}"
            for mask, mesh in zip((cavity, ventricle), meshes, strict=True)
        ]
        table.append(f"| {frame} | {' | '.join(inside)} |")
    (folder / f"{generator}-surfaces.png").write_bytes(mesh_sequence(frames))
    return [
        "",
        f"![Surfaces of {subject} at {len(frames)} frames]({generator}-surfaces.png)",
        "",
        f"Surfaces of {subject}, LV volume of the masks above each: the cavity (blue) within the epicardium (clear), from one side and in "
        "one scale, the base on top. Between slices the masks are interpolated by their shape (Raya and Udupa, 1990).",
        "",
        "| frame | LV, voxels (mL) | LV, inside the surface | LV and wall, voxels | LV and wall, inside the surface |",
        "|---|---|---|---|---|",
        *table,
    ]


def _curves(generator: str, cohort: Cohort, labels: Mapping[str, np.ndarray], folder: Path) -> list[str]:
    curves = []
    for subject, masks in labels.items():
        volumes = volume_curve_ml(masks, "LV", cohort.spacing_mm)
        cycle = np.arange(len(volumes)) / len(volumes)
        curves.append(
            pd.DataFrame({"kind": "synthetic", "subject": subject, "cycle": cycle, "volume_ml": volumes})
        )
    table = pd.concat(curves)
    limits = (0.0, 1.05 * float(table["volume_ml"].max()) + 1)
    svg = synthesis.volume_curves(table, "LV volume (mL)", limits)
    (folder / f"{generator}-volumes.svg").write_text(svg, encoding="utf-8")
    return ["", f"![LV volume over the cycle]({generator}-volumes.svg)"]


def _spread(frames: Sequence[int] | np.ndarray) -> list[int]:
    """At most `_FRAMES` of the frames, evenly spread from the first on."""
    count = len(frames)
    places = range(count) if count <= _FRAMES else [number * count // _FRAMES for number in range(_FRAMES)]
    return [int(frames[place]) for place in places]
