"""Errors of cardiac function read off predicted label maps, as result rows of one subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from synthaug.labels import STRUCTURES
from synthaug.metric_registry import PREDICTED, columns_of
from synthaug.metrics.clinical import N_SEGMENTS, stroke_volume_ml, wall_thickness_mm
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML, ejection_fraction, structure_volume_ml
from synthaug.tables import Row

PHASES = ("ED", "ES")


def function_errors(
    predicted: Mapping[str, np.ndarray | None],
    reference: Mapping[str, np.ndarray],
    spacing_mm: Sequence[float],
) -> Iterator[Row]:
    """Rows of volumes, ejection fraction and myocardial mass of one subject: error, and predicted value.

    Parameters
    ----------
    predicted, reference : mapping of str to ndarray, shape (z, y, x)
        Canonical labels by phase, ``"ED"`` and ``"ES"``; a phase may be absent.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    """
    volumes = {
        (name, phase, structure): structure_volume_ml(labels, structure, spacing_mm)
        for name, frames in (("predicted", predicted), ("reference", reference))
        for phase, labels in frames.items()
        if labels is not None
        for structure in STRUCTURES
    }

    def volume(name: str, phase: str, structure: str) -> float:
        return volumes.get((name, phase, structure), float("nan"))

    def function(name: str, structure: str) -> Iterator[tuple[str, str, float]]:
        edv, esv = (volume(name, phase, structure) for phase in PHASES)
        if structure == "MYO":
            yield "mass_error_g", "ED", MYOCARDIAL_DENSITY_G_PER_ML * edv
        else:
            yield "edv_error_ml", "ED", edv
            yield "esv_error_ml", "ES", esv
            # A ventricle that the prediction missed is a volume of 0 mL; one that the reference lacks has no stroke volume.
            yield "sv_error_ml", "", edv - esv if name == "predicted" else stroke_volume_ml(edv, esv)
            yield "ef_error", "", ejection_fraction(edv, esv)

    for structure in STRUCTURES:
        pairs = zip(function("predicted", structure), function("reference", structure), strict=True)
        for (metric, phase, measured), (_, _, true) in pairs:
            shared = {**columns_of(metric), "structure": structure, "phase": phase or None, "n": 1}
            if np.isnan(measured - true):
                name, lacking = (
                    ("predicted", "prediction") if np.isnan(measured) else ("reference", "reference")
                )
                empty = volume(name, "ED", structure) == 0
                note = f"the {lacking} has no {structure} at ED" if empty else f"unknown in the {lacking}"
                yield {**shared, "status": "not_measured", "note": note}
            else:
                yield {**shared, "status": "ok", "value": measured - true}
                predicted_value = columns_of(PREDICTED[metric])
                yield {**shared, **predicted_value, "status": "ok", "value": measured}


def wall_errors(
    predicted: Mapping[str, np.ndarray | None],
    reference: Mapping[str, np.ndarray],
    spacing_mm: Sequence[float],
) -> Iterator[Row]:
    """Rows of the errors of wall thickness (ED, ES) and wall thickening of one subject.

    Parameters
    ----------
    predicted, reference, spacing_mm
        As for `function_errors`.

    Yields
    ------
    dict
        The mean over the AHA segments that both have of predicted minus reference; `n` is their number.
    """
    nowhere = np.full(N_SEGMENTS, np.nan)
    thickness = {
        (name, phase): nowhere if labels is None else wall_thickness_mm(labels, spacing_mm)
        for name, frames in (("predicted", predicted), ("reference", reference))
        for phase, labels in frames.items()
    }
    measured = {
        (name, phase): thickness.get((name, phase), nowhere)
        for name in ("predicted", "reference")
        for phase in PHASES
    }
    errors = [
        ("wall_thickness_error_mm", phase, measured["predicted", phase] - measured["reference", phase])
        for phase in PHASES
    ]
    # As `wall_thickening` has it, from thicknesses that are known already: rays are cast once a frame.
    thickening = [
        100 * (measured[name, "ES"] / measured[name, "ED"] - 1) for name in ("predicted", "reference")
    ]
    errors.append(("wall_thickening_error", "", thickening[0] - thickening[1]))
    for metric, phase, segments in errors:
        known = segments[np.isfinite(segments)]
        shared = {**columns_of(metric), "structure": "MYO", "phase": phase or None, "n": len(known)}
        if len(known):
            yield {**shared, "status": "ok", "value": float(known.mean())}
        else:
            note = "no segment of the wall is measured in both; a wall or its RV insertion is missing"
            yield {**shared, "status": "not_measured", "note": note}
