"""Words of the report: numbers, metrics, comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from synthaug.statistics.verdict import UNDECIDED, Verdict

#: Metric -> (name, unit, decimals).
METRICS: dict[str, tuple[str, str, int]] = {
    "dice": ("Dice", "", 3),
    "hd95": ("95 % Hausdorff distance", "mm", 1),
    "hd": ("Hausdorff distance", "mm", 1),
    "assd": ("average surface distance", "mm", 2),
    "edv_error_ml": ("EDV error", "mL", 1),
    "esv_error_ml": ("ESV error", "mL", 1),
    "ef_error": ("ejection fraction error", "points", 1),
    "mass_error_g": ("myocardial mass error", "g", 1),
    "sv_error_ml": ("stroke volume error", "mL", 1),
    "wall_thickness_error_mm": ("wall thickness error", "mm", 1),
    "wall_thickening_error": ("wall thickening error", "points", 1),
    "fid": ("FID", "", 2),
    "fid_basal": ("FID, basal third", "", 2),
    "fid_middle": ("FID, middle third", "", 2),
    "fid_apical": ("FID, apical third", "", 2),
    "kid": ("KID", "", 4),
    "cmmd": ("CMMD", "", 3),
    "clipsim": ("CLIPSIM", "", 3),
    "clipsim_real": ("CLIPSIM of real subjects, what can be reached", "", 3),
    "clipsim_other": ("CLIPSIM of real subjects with another's sentence", "", 3),
    "fvd_t": ("FVD-T", "", 2),
    "fvd_s": ("FVD-S", "", 2),
    "f4d": ("F4D", "", 2),
    "mixing_temporal": ("mixing of neighbours, motion", "", 2),
    "mixing_spatial": ("mixing of neighbours, anatomy", "", 2),
    "precision": ("precision", "", 2),
    "recall": ("recall", "", 2),
    "density": ("density", "", 2),
    "coverage": ("coverage", "", 2),
    "copied_share": ("synthetic subjects flagged as copies", "", 2),
    "copied_share_real": ("real patients it never saw, flagged alike", "", 2),
    "planted_found": ("planted exact copies that are found", "", 2),
    "planted_noisy_found": ("planted copies with noise that are found", "", 2),
    "planted_mirrored_found": ("planted mirror images that are found", "", 2),
    "planted_turned_found": ("planted copies, turned by a quarter, that are found", "", 2),
    "planted_shifted_found": ("planted copies, shifted in time, that are found", "", 2),
    "planted_tilted_found": ("planted copies, tilted by 5 degrees, that are found", "", 2),
    "planted_disguised_found": ("planted copies, mirrored, shifted in time and noisy, that are found", "", 2),
    "authenticity": ("farther from training than training from itself (authenticity)", "", 2),
    "nearer_to_train": ("nearer to training than to held-out patients", "", 2),
    "nndr": ("nearest over second nearest training distance, median (NNDR)", "", 2),
    "function_lv_edv_ml": ("LV EDV", "mL", 0),
    "function_lv_esv_ml": ("LV ESV", "mL", 0),
    "function_lv_sv_ml": ("LV stroke volume", "mL", 0),
    "function_lv_ef": ("LV ejection fraction", "%", 0),
    "function_rv_edv_ml": ("RV EDV", "mL", 0),
    "function_rv_esv_ml": ("RV ESV", "mL", 0),
    "function_rv_sv_ml": ("RV stroke volume", "mL", 0),
    "function_rv_ef": ("RV ejection fraction", "%", 0),
    "function_myo_mass_g": ("myocardial mass", "g", 0),
    "function_wall_thickness_mm": ("wall thickness at ED", "mm", 1),
    "function_wall_thickening": ("wall thickening", "%", 0),
    "function_peak_ejection_rate": ("LV peak ejection rate", "EDV a beat", 1),
    "function_peak_filling_rate": ("LV peak filling rate", "EDV a beat", 1),
    "copies_dropped": ("copies left out of the arms", "", 0),
    "c_t_features": ("data copying C_T, features", "", 2),
    "mask_agreement_dice": ("Dice of masks and images", "", 3),
    "mask_agreement_dice_real": ("Dice of masks and images of real validation patients", "", 3),
    "mask_agreement_hd95": ("HD95 of masks and images", "mm", 1),
    "mask_agreement_hd95_real": ("HD95 of masks and images of real validation patients", "mm", 1),
    "acceptance_rate": ("acceptance rate", "", 2),
}
STRUCTURES = {"LV": "LV cavity", "MYO": "myocardium", "RV": "RV cavity"}
STATUSES = {
    "empty_both": "structure in neither mask",
    "missing_prediction": "structure missed by the prediction",
    "missing_reference": "structure absent from the reference",
    "extractor_absent": "feature extractor absent",
    "not_measured": "not measured",
    "failed": "failed",
}
_SUFFIXES = {
    "_features": "features",
    "_mean": "mean",
    "_difference": "difference",
    "_spread": "SD ratio to real",
    "_ratio": "ratio to real-versus-real",
    "_control": "ratio to corrupted real cines",
    "_reconstruction": "of reconstructions, ratio to real-versus-real",
    "_extrapolated": "extrapolated to infinite sample size",
    "_response": "response to a corruption",
    "_slope": "change for a dose increase of 1",
    "_trend": "trend over doses",
    "_rank_tau": "Kendall's τ of rankings",
    "_rank": "rank",
    "_first": "fraction of replicates ranked first",
    "_mixed": "difference by a mixed model",
}
_QUOTIENTS = ("_ratio", "_control", "_reconstruction", "_spread")  # without unit, two decimals
_SAID_WITH_THE_NAME = ("_features", "_difference", "_ratio", "_control", "_reconstruction")


def base_metric(metric: str) -> str:
    """Name of the metric that an aggregate (mean, difference, ratio) is of."""
    for suffix in _SUFFIXES:
        if metric.endswith(suffix) and metric not in METRICS:
            return metric.removesuffix(suffix)
    return metric


def base_name(metric: str) -> str:
    """Name of the metric that an aggregate is of; an unknown one keeps its own."""
    base = base_metric(metric)
    return METRICS[base][0] if base in METRICS else base.replace("_", " ")


def metric_name(metric: str) -> str:
    """Name of a metric for headings and labels, which say themselves whether it is a mean or a trend."""
    suffix = metric.removeprefix(base_metric(metric))
    return row_name(metric) if suffix in _SAID_WITH_THE_NAME else base_name(metric)


def row_name(metric: str) -> str:
    """Name of a row on its own: the metric and what the row is of it (mean, difference, ratio)."""
    suffix = _SUFFIXES.get(metric.removeprefix(base_metric(metric)))
    return f"{base_name(metric)}, {suffix}" if suffix else base_name(metric)


def metric_unit(metric: str) -> str:
    """Unit of a metric, empty where it has none or is unknown."""
    return "" if metric.endswith(_QUOTIENTS) else METRICS.get(base_metric(metric), ("", "", 0))[1]


def decimals(metric: str) -> int | None:
    """Decimals a metric is shown with; None where three significant digits must do."""
    if metric.endswith(_QUOTIENTS):
        return 2
    base = base_metric(metric)
    return METRICS[base][2] if base in METRICS else None


def number(value: float | None, places: int | None = None, sign: bool = False) -> str:
    """A number with a true minus sign; a dash where it is unknown.

    Parameters
    ----------
    value : float or None
        None and NaN are unknown.
    places : int or None
        Decimals; None for three significant digits.
    sign : bool
        Whether a positive number carries its sign.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if places is None:
        size = math.floor(math.log10(abs(value))) if value else 0
        places = max(0, 2 - size)
        if size < -4:
            return f"{value:.2e}".replace("-", "−")
    text = f"{value:{'+' if sign else ''},.{places}f}"
    if not text.strip("+-0.,"):  # what rounds to zero has no side
        text = text.lstrip("+-")
    return text.replace("-", "−").replace(",", " ")


def p_value(value: float | None) -> str:
    """A p-value with three decimals, never as zero."""
    if value is None or not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_text(value: float) -> str:
    """A p-value in a sentence: ``p = 0.048`` or ``p < 0.001``."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def place(row: Mapping[str, Any]) -> str:
    """Structure, phase and, where it is of one fold only, fold that a row is about, in words."""
    where = " ".join(row[key] for key in ("structure", "phase") if row.get(key)) or "all structures"
    return where if row.get("fold") is None else f"{where}, fold {row['fold']}"


def with_unit(text: str, unit: str) -> str:
    """A number and its unit, kept on one line."""
    return f"{text} {unit}" if unit else text


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it is not one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class ControlWords(NamedTuple):
    """A kind of control in words: what it matches, as the name of a curve, and as an explanation."""

    match: str
    curve: str
    explanation: str


CONTROLS: dict[str, ControlWords] = {
    "repeated": ControlWords("size-matched", "real repeated", "its real cases, repeated to the same number"),
    "classical": ControlWords(
        "size-matched", "classical", "its real cases, with classically augmented copies to the same number"
    ),
    "exposure": ControlWords(
        "exposure-matched",
        "real, equal exposure",
        "its real cases only, for as many iterations as the arm spends on them",
    ),
    "mislabelled": ControlWords(
        "negative", "mislabelled", "each synthetic case with the mask of another one; expected to hurt"
    ),
    "extra-real": ControlWords(
        "extra-real", "further real", "further real patients instead of the synthetic ones; an upper bound"
    ),
}


def power_sentence(metric: str, outcome: Verdict) -> str:
    """Detectable difference of the study, and the size that would detect one as small as the margin."""
    if outcome.detectable is None:
        return ""
    size = with_unit(number(outcome.detectable, decimals(metric)), metric_unit(metric))
    text = f"Detectable difference at the declared power: {size}."
    if outcome.word != UNDECIDED:
        return text
    if outcome.patients_needed is None:
        return (
            f"{text} More patients alone cannot detect one as small as the margin: more trainings are needed."
        )
    needed = counted(outcome.patients_needed, "patient")
    return f"{text} One as small as the margin needs {needed} with as many trainings."


def comparison_sentence(
    row: Mapping[str, Any], word: str, trainings: int, is_control: bool, match: str, confidence: float
) -> str:
    """One comparison in words, with interval, number of patients and trainings, and its verdict.

    Parameters
    ----------
    row : mapping
        A measured difference row.
    word : str
        Word for it (`synthaug.statistics.verdict.judge_row`).
    trainings : int
        Trainings of the arm, over folds and seeds; 0 where unknown.
    is_control : bool
        Whether `versus` is a control of the verdict.
    match : str
        What the control has in common with the arm: ``"size-matched"``, ``"exposure-matched"``.
    confidence : float
        Level of the interval.
    """
    metric = row["metric"]
    places, unit = decimals(metric), metric_unit(metric)
    value = with_unit(number(row["value"], places, sign=True), unit)
    facts = []
    if row.get("ci_low") is not None and row.get("ci_high") is not None:
        ends = f"{number(row['ci_low'], places)} to {number(row['ci_high'], places)}"
        facts.append(f"{100 * confidence:g} % CI {ends}")
    if row.get("n") is not None:
        facts.append(f"n = {counted(int(row['n']), 'patient')}")
    if trainings:
        facts.append(counted(trainings, "training"))
    if row.get("p_adjusted") is not None:
        facts.append(f"Holm-adjusted {p_text(row['p_adjusted'])}")
    elif row.get("p_value") is not None:
        facts.append(f"{p_text(row['p_value'])}, exploratory")
    if row.get("effect_size") is not None:
        facts.append(f"effect size {number(row['effect_size'], 2, sign=True)}")
    against = f"the {match} control {row['versus']}" if is_control else f"{row['versus']}"
    name = base_name(metric)
    detail = f" ({', '.join(facts)})" if facts else ""
    return f"{name} of {place(row)}: {value}{detail} against {against}: {word}"
