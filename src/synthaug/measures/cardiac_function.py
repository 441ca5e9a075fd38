"""Cardiac function of a synthetic cohort beside that of real subjects: are these hearts of the same kind?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.labels import FUNCTION_COLUMNS
from synthaug.measures.measurement import Measurement
from synthaug.measures.synthetic_sample import sample_cohort
from synthaug.metrics.clinical import (
    peak_rates,
    stroke_volume_ml,
    wall_thickening,
    wall_thickness_mm,
)
from synthaug.metrics.percentile_bootstrap import percentile_interval, resampled
from synthaug.metrics.volumes import cut_structures, measure_function, volume_curve_ml
from synthaug.tables import Row, make_table

#: Quantity -> structure, phase: what is measured of each heart.
QUANTITIES = {
    "function_lv_edv_ml": ("LV", "ED"),
    "function_lv_esv_ml": ("LV", "ES"),
    "function_lv_sv_ml": ("LV", None),
    "function_lv_ef": ("LV", None),
    "function_rv_edv_ml": ("RV", "ED"),
    "function_rv_esv_ml": ("RV", "ES"),
    "function_rv_sv_ml": ("RV", None),
    "function_rv_ef": ("RV", None),
    "function_myo_mass_g": ("MYO", "ED"),
    "function_wall_thickness_mm": ("MYO", "ED"),
    "function_wall_thickening": ("MYO", None),
    "function_peak_ejection_rate": ("LV", None),
    "function_peak_filling_rate": ("LV", None),
}


def function_of(
    label_cine: np.ndarray,
    spacing_mm: Sequence[float],
    labelled: Sequence[int],
    ed_frame: int | None,
    es_frame: int | None,
) -> dict[str, float]:
    """Function of one heart.

    Parameters
    ----------
    label_cine : ndarray, shape (t, z, y, x)
        Canonical labels in canonical orientation; `UNLABELLED` in unlabelled frames.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    labelled : sequence of int
        Frames with labels.
    ed_frame, es_frame : int or None
        None where unknown.

    Returns
    -------
    dict of str to float
        Every name of `QUANTITIES`. Wall thickness and thickening are means over the AHA segments that have
        one; rates of the LV are in EDV a beat, and need labels in every frame. NaN is unknown.
    """
    volumes = measure_function(label_cine, spacing_mm, ed_frame, es_frame)
    found = {f"function_{column}": volumes[column] for column in FUNCTION_COLUMNS}
    for side in ("lv", "rv"):
        found[f"function_{side}_sv_ml"] = stroke_volume_ml(
            volumes[f"{side}_edv_ml"], volumes[f"{side}_esv_ml"]
        )
    ed, es = (
        None if frame is None or frame not in labelled else label_cine[frame]
        for frame in (ed_frame, es_frame)
    )
    thickness = np.nan if ed is None else _mean(wall_thickness_mm(ed, spacing_mm))
    thickening = np.nan if ed is None or es is None else _mean(wall_thickening(ed, es, spacing_mm))
    rates: tuple[float, float] = (np.nan, np.nan)
    edv = volumes["lv_edv_ml"]
    if len(labelled) == len(label_cine) >= 4 and edv > 0:
        curve = volume_curve_ml(label_cine, "LV", spacing_mm)
        rates = peak_rates(curve / edv, 1 / len(curve))
    names = (
        "function_wall_thickness_mm",
        "function_wall_thickening",
        "function_peak_ejection_rate",
        "function_peak_filling_rate",
    )
    return found | dict(zip(names, (thickness, thickening, *rates), strict=True))


def measure_cardiac_function(
    real: Cohort,
    synthetic: Cohort,
    measurement: Measurement,
    versus: str = "real train",
    patients: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Means of every quantity over synthetic subjects, and how far they are from those of real ones.

    Parameters
    ----------
    real, synthetic : Cohort
        Subjects without labels are left out. Of very many synthetic ones `evaluation.max_synthetic_subjects` are drawn.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over patients, coverage, seed.
    versus : str
        Name of the set of real subjects.
    patients : mapping of str to str, optional
        Patient of each real subject; a quantity is averaged over a patient's visits. Without it, each subject is a patient.

    Returns
    -------
    DataFrame
        For each quantity three rows: the mean over synthetic subjects; ``<quantity>_difference``, that mean
        minus the real one; ``<quantity>_spread``, the synthetic standard deviation over the real one. Both
        sets are drawn independently; `n` of the last two is the smaller number of patients.
    """
    settings = measurement.settings
    synthetic, note = sample_cohort(synthetic, settings)
    hearts = [_table(synthetic, {}), _table(real, patients or {})]
    rng = np.random.default_rng(settings.seed)
    rows: list[Row] = []
    for quantity, (structure, phase) in QUANTITIES.items():
        made, true = (table[quantity].dropna().to_numpy(np.float64) for table in hearts)
        about = {"structure": structure, "phase": phase, "n": len(made)}
        beside = {**about, "versus": versus, "n": min(len(made), len(true))}
        drawn = [_replicates(values, settings.replicates, rng) for values in (made, true)]
        for suffix, shared, known, measure in (
            ("", about, len(made) > 1, lambda first, second: first.mean),
            ("_difference", beside, min(len(made), len(true)) > 1, _difference),
            ("_spread", beside, min(len(made), len(true)) > 2 and true.std() > 0, _spread),
        ):
            if not known:
                why = f"known of {len(made)} synthetic and {len(true)} real patients"
                rows.append(measurement.not_measured(quantity, suffix, note=why, **shared))
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                replicates = measure(*drawn)
            low, high = percentile_interval(replicates[np.isfinite(replicates)], settings.confidence)
            found = {"value": float(measure(*map(_moments, (made, true)))), "ci_low": low, "ci_high": high}
            rows.append(measurement.row(quantity, suffix, status="ok", note=note or None, **shared, **found))
    return make_table(rows)


class _Moments(NamedTuple):
    """Mean and standard deviation of values, or of each of their replicates."""

    mean: np.ndarray
    deviation: np.ndarray


def _moments(values: np.ndarray) -> _Moments:
    """Of values (..., n); NaN of fewer than two."""
    if values.shape[-1] < 2:
        return _Moments(*np.full((2, *values.shape[:-1]), np.nan))
    return _Moments(values.mean(-1), values.std(-1, ddof=1))


def _replicates(values: np.ndarray, replicates: int, rng: np.random.Generator) -> _Moments:
    """Moments of bootstrap samples of values (n,); none of fewer than two."""
    if len(values) < 2:
        return _Moments(*np.zeros((2, 0)))
    blocks = [_moments(block) for block in resampled(values, replicates, rng)]
    return _Moments(*map(np.concatenate, zip(*blocks, strict=True)))


def _difference(first: _Moments, second: _Moments) -> np.ndarray:
    return np.asarray(first.mean - second.mean)


def _spread(first: _Moments, second: _Moments) -> np.ndarray:
    return np.asarray(first.deviation / second.deviation)


def _table(cohort: Cohort, patients: Mapping[str, str]) -> pd.DataFrame:
    """Quantities of every patient, the mean over visits in which they are known."""
    rows, owners = [], []
    for subject in cohort.subjects:
        labelled = cohort.labelled_frames(subject)
        if not labelled:
            continue
        record = cohort.record(subject)
        ed, es = (
            None if pd.isna(record[f"{phase}_frame"]) else int(record[f"{phase}_frame"])
            for phase in ("ed", "es")
        )
        found = dict.fromkeys(QUANTITIES, np.nan)
        if cohort.has_volumes:
            found = function_of(cohort.label_cine(subject), cohort.spacing_mm, labelled, ed, es)
            if (native := cohort.native(subject)) is not None:
                found |= dict.fromkeys(_of_cut_structures(native.labels, ed, es), np.nan)
        rows.append(found)
        owners.append(patients.get(subject, subject))
    table = pd.DataFrame(rows, columns=list(QUANTITIES), dtype=np.float64)
    return table.groupby(np.array(owners, object), sort=False).mean()


def _of_cut_structures(labels: Mapping[int, np.ndarray], ed: int | None, es: int | None) -> list[str]:
    """Quantities that are unknown because the image cuts their structure, at their phase or, without one, at either."""
    cut = {
        phase: () if frame is None or frame not in labels else cut_structures(labels[frame])
        for phase, frame in (("ED", ed), ("ES", es))
    }
    return [
        quantity
        for quantity, (structure, phase) in QUANTITIES.items()
        if any(structure in cut[one] for one in ([phase] if phase else cut))
    ]


def _mean(segments: np.ndarray) -> float:
    known = segments[np.isfinite(segments)]
    return float(known.mean()) if len(known) else float("nan")
