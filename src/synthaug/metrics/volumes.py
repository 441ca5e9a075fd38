"""Ventricular volumes, ejection fractions and myocardial mass, measured on label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthaug.labels import FUNCTION_COLUMNS, STRUCTURES, UNLABELLED

#: Grams per millilitre of myocardium (Grothues et al., Am. J. Cardiol. 90, 2002).
MYOCARDIAL_DENSITY_G_PER_ML = 1.05


def structure_volume_ml(labels: np.ndarray, structure: str, spacing_mm: Sequence[float]) -> float:
    """Volume of one structure by summation of discs (voxel count times voxel volume).

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        Canonical labels.
    structure : {"LV", "MYO", "RV"}
        Structure to measure.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x), slice gaps included.

    Returns
    -------
    float
        Volume in mL; NaN for an unlabelled frame.
    """
    if (labels == UNLABELLED).all():
        return float("nan")
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    return float(np.count_nonzero(labels == STRUCTURES[structure]) * voxel_ml)


def cut_structures(labels: np.ndarray) -> tuple[str, ...]:
    """Structures that reach the border of an image in the plane: a part of unknown size may lie outside.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        Canonical labels of what was imaged, without padding.

    Returns
    -------
    tuple of str
        Names of `STRUCTURES`, in their order.
    """
    borders = (labels[:, [0, -1]], labels[:, :, [0, -1]])
    return tuple(
        name for name, label in STRUCTURES.items() if any((border == label).any() for border in borders)
    )


def volume_curve_ml(label_cine: np.ndarray, structure: str, spacing_mm: Sequence[float]) -> np.ndarray:
    """Volume of one structure in every frame.

    Parameters
    ----------
    label_cine : ndarray, shape (t, z, y, x)
        Canonical labels; frames filled with `UNLABELLED` carry none.
    structure : {"LV", "MYO", "RV"}
        Structure to measure.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    ndarray, shape (t,)
        Volumes in mL; NaN where a frame is not labelled.
    """
    return np.array([structure_volume_ml(frame, structure, spacing_mm) for frame in label_cine])


def ejection_fraction(edv_ml: float, esv_ml: float) -> float:
    """Ejection fraction in percent, 100 (EDV - ESV) / EDV; NaN where EDV is unknown or not positive."""
    return 100 * (edv_ml - esv_ml) / edv_ml if edv_ml > 0 else float("nan")


def measure_function(
    labels: Mapping[int, np.ndarray] | np.ndarray,
    spacing_mm: Sequence[float],
    ed_frame: int | None,
    es_frame: int | None,
) -> dict[str, float]:
    """Measure the functional columns of a cohort's table.

    Parameters
    ----------
    labels : mapping of int to ndarray (z, y, x), or ndarray (t, z, y, x)
        Canonical labels of the annotated frames, or a label cine with `UNLABELLED` frames.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    ed_frame, es_frame : int or None
        Frames to measure; None where unknown.

    Returns
    -------
    dict of str to float
        Every name of `FUNCTION_COLUMNS`: mL, g (myocardium at ED) and percent. NaN is unknown:
        the frame is not known or not labelled, or the structure is nowhere at ED. An end-systolic
        volume of 0 is kept, because a small cavity can close.
    """
    return function_from_volumes(
        {name: _volume_at(labels, ed_frame, name, spacing_mm) for name in STRUCTURES},
        {name: _volume_at(labels, es_frame, name, spacing_mm) for name in STRUCTURES},
    )


def function_from_volumes(ed_ml: Mapping[str, float], es_ml: Mapping[str, float]) -> dict[str, float]:
    """The functional columns of a cohort's table from the volumes at ED and ES.

    Parameters
    ----------
    ed_ml, es_ml : mapping of str to float
        Volume of each structure of `STRUCTURES` in mL; NaN where unknown.

    Returns
    -------
    dict of str to float
        As of `measure_function`.
    """
    edv = {name: ed_ml[name] or float("nan") for name in STRUCTURES}
    measured = {"myo_mass_g": MYOCARDIAL_DENSITY_G_PER_ML * edv["MYO"]}
    for name in ("LV", "RV"):
        esv = es_ml[name] if edv[name] > 0 else float("nan")
        measured[f"{name.lower()}_edv_ml"] = edv[name]
        measured[f"{name.lower()}_esv_ml"] = esv
        measured[f"{name.lower()}_ef"] = ejection_fraction(edv[name], esv)
    return {column: measured[column] for column in FUNCTION_COLUMNS}


def _volume_at(
    labels: Mapping[int, np.ndarray] | np.ndarray,
    frame: int | None,
    structure: str,
    spacing_mm: Sequence[float],
) -> float:
    if frame is None or (isinstance(labels, Mapping) and frame not in labels):
        return float("nan")
    return structure_volume_ml(labels[frame], structure, spacing_mm)
