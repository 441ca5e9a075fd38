"""Identity, unit and better side of every metric; `docs/metrics.md` says each in full."""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """What a metric is.

    Attributes
    ----------
    definition : str
        Name and version of the definition; it changes whenever a value could.
    unit : str
        Unit of the value; empty where it has none that means anything.
    direction : str
        ``"higher"``, ``"lower"`` or ``"none"``: which way is better.
    """

    definition: str
    unit: str
    direction: str


DEFINITIONS: dict[str, Definition] = {
    "dice": Definition("dice.v1", "1", "higher"),
    "hd": Definition("hd.maxdir.voxel.v1", "mm", "lower"),
    "hd95": Definition("hd95.maxdir.voxel.v1", "mm", "lower"),
    "assd": Definition("assd.pooled.voxel.v1", "mm", "lower"),
    "edv_error_ml": Definition("edv-error.signed.v1", "mL", "none"),
    "esv_error_ml": Definition("esv-error.signed.v1", "mL", "none"),
    "ef_error": Definition("ef-error.signed.v1", "%", "none"),
    "mass_error_g": Definition("mass-error.signed.v1", "g", "none"),
    "sv_error_ml": Definition("sv-error.signed.v1", "mL", "none"),
    "wall_thickness_error_mm": Definition("wall-thickness-error.signed.aha16.v1", "mm", "none"),
    "wall_thickening_error": Definition("wall-thickening-error.signed.aha16.v1", "%", "none"),
    "fid": Definition("frechet.frames.v1", "", "lower"),
    "fid_basal": Definition("frechet.frames.basal-third.v1", "", "lower"),
    "fid_middle": Definition("frechet.frames.middle-third.v1", "", "lower"),
    "fid_apical": Definition("frechet.frames.apical-third.v1", "", "lower"),
    "kid": Definition("kid.frames.v1", "", "lower"),
    "cmmd": Definition("cmmd.frames.v1", "", "lower"),
    "clipsim": Definition("clipsim.images.v1", "1", "higher"),
    "clipsim_real": Definition("clipsim.images.real.v1", "1", "none"),
    "clipsim_other": Definition("clipsim.images.other-text.v1", "1", "none"),
    "fvd_t": Definition("frechet.temporal.v1", "", "lower"),
    "fvd_s": Definition("frechet.spatial.v1", "", "lower"),
    "f4d": Definition("frechet.4d.v1", "", "lower"),
    "mixing_temporal": Definition("mixing.temporal.5-nearest.v1", "1", "none"),
    "mixing_spatial": Definition("mixing.spatial.5-nearest.v1", "1", "none"),
    "precision": Definition("precision.4d.k5.v1", "1", "higher"),
    "recall": Definition("recall.4d.k5.v1", "1", "higher"),
    "density": Definition("density.4d.k5.v1", "1", "higher"),
    "coverage": Definition("coverage.4d.k5.v1", "1", "higher"),
    "copied_share": Definition("memorisation.copied.v2", "1", "lower"),
    "copied_share_real": Definition("memorisation.copied-held-out.v2", "1", "none"),
    "planted_found": Definition("memorisation.planted-exact.v2", "1", "higher"),
    "planted_noisy_found": Definition("memorisation.planted-noisy.v1", "1", "higher"),
    "planted_mirrored_found": Definition("memorisation.planted-mirrored.v1", "1", "higher"),
    "planted_turned_found": Definition("memorisation.planted-turned.v1", "1", "higher"),
    "planted_shifted_found": Definition("memorisation.planted-shifted.v1", "1", "higher"),
    "planted_tilted_found": Definition("memorisation.planted-tilted.v1", "1", "higher"),
    "planted_disguised_found": Definition("memorisation.planted-disguised.v2", "1", "higher"),
    "authenticity": Definition("memorisation.authenticity.v1", "1", "higher"),
    "nearer_to_train": Definition("memorisation.nearer-to-train.v1", "1", "none"),
    "nndr": Definition("memorisation.nndr.v1", "1", "higher"),
    "function_lv_edv_ml": Definition("function.edv.v1", "mL", "none"),
    "function_lv_esv_ml": Definition("function.esv.v1", "mL", "none"),
    "function_lv_sv_ml": Definition("function.sv.v1", "mL", "none"),
    "function_lv_ef": Definition("function.ef.v1", "%", "none"),
    "function_rv_edv_ml": Definition("function.edv.v1", "mL", "none"),
    "function_rv_esv_ml": Definition("function.esv.v1", "mL", "none"),
    "function_rv_sv_ml": Definition("function.sv.v1", "mL", "none"),
    "function_rv_ef": Definition("function.ef.v1", "%", "none"),
    "function_myo_mass_g": Definition("function.mass.v1", "g", "none"),
    "function_wall_thickness_mm": Definition("function.wall-thickness.aha16.v1", "mm", "none"),
    "function_wall_thickening": Definition("function.wall-thickening.aha16.v1", "%", "none"),
    "function_peak_ejection_rate": Definition("function.peak-ejection-rate.h5.v1", "EDV/beat", "none"),
    "function_peak_filling_rate": Definition("function.peak-filling-rate.h5.v1", "EDV/beat", "none"),
    "copied_share_features": Definition("memorisation.features.copied.v1", "1", "lower"),
    "copied_share_real_features": Definition("memorisation.features.copied-held-out.v1", "1", "none"),
    "planted_found_features": Definition("memorisation.features.planted-exact.v1", "1", "higher"),
    "planted_noisy_found_features": Definition("memorisation.features.planted-noisy.v1", "1", "higher"),
    "planted_mirrored_found_features": Definition("memorisation.features.planted-mirrored.v1", "1", "higher"),
    "planted_turned_found_features": Definition("memorisation.features.planted-turned.v1", "1", "higher"),
    "planted_shifted_found_features": Definition("memorisation.features.planted-shifted.v1", "1", "higher"),
    "planted_tilted_found_features": Definition("memorisation.features.planted-tilted.v1", "1", "higher"),
    "planted_disguised_found_features": Definition(
        "memorisation.features.planted-disguised.v1", "1", "higher"
    ),
    "authenticity_features": Definition("memorisation.features.authenticity.v1", "1", "higher"),
    "nearer_to_train_features": Definition("memorisation.features.nearer-to-train.v1", "1", "none"),
    "nndr_features": Definition("memorisation.features.nndr.v1", "1", "higher"),
    "c_t_features": Definition("memorisation.features.data-copying.pca64.k3.v1", "", "none"),
    "copies_dropped": Definition("memorisation.copies-dropped.v1", "1", "lower"),
    "controllability_r": Definition("controllability.pearson.v2", "1", "higher"),
    "controllability_bias": Definition("controllability.bias.v2", "mL", "none"),
    "controllability_loa_low": Definition("controllability.loa.v2", "mL", "none"),
    "controllability_loa_high": Definition("controllability.loa.v2", "mL", "none"),
    "mask_agreement_dice": Definition("mask-agreement.dice.v1", "1", "higher"),
    "mask_agreement_dice_real": Definition("mask-agreement.dice.real-validation.v1", "1", "none"),
    "mask_agreement_hd95": Definition("mask-agreement.hd95.v1", "mm", "lower"),
    "mask_agreement_hd95_real": Definition("mask-agreement.hd95.real-validation.v1", "mm", "none"),
    "acceptance_rate": Definition("acceptance.samples.wilson95.v1", "1", "higher"),
}
#: Values that a metric can have, where it has bounds: an interval of a mean ends there.
RANGES = {"dice": (0.0, 1.0), **dict.fromkeys(("hd", "hd95", "assd"), (0.0, float("inf")))}
#: Counts of the samples that one reason of the quality gate rejected are named after the reason.
REJECTED = "rejected_"
#: Unit of an aggregate whose unit is not that of what it aggregates.
_UNIT_OF = {
    **dict.fromkeys(
        ("_ratio", "_control", "_reconstruction", "_spread", "_rank", "_first", "_rank_tau"), "1"
    ),
    **dict.fromkeys(("_response", "_trend"), ""),
}
#: Unit of a bias or limit of agreement of what is no volume; correlations of the same have none.
_UNIT_OF_ASKED = {"_lv_ef": "%", "_myo_mass_g": "g"}


def fields_of(metric: str, suffix: str = "") -> dict[str, str]:
    """Columns `metric`, `definition`, `unit` and `direction` of a result row.

    Parameters
    ----------
    metric : str
        A name in `DEFINITIONS`.
    suffix : str
        Appended to the metric's name, such as ``"_mean"``; the definition's id takes it too.
    """
    return {"metric": metric + suffix, **_aggregate(DEFINITIONS[metric], suffix)._asdict()}


def definition_of(metric: str) -> Definition | None:
    """What a metric of a result row is, aggregates included; None where nothing here defines it.

    Parameters
    ----------
    metric : str
        Such as ``dice``, ``dice_mean``, ``fid_ratio``, ``controllability_r_lv_edv_ml``.

    Returns
    -------
    Definition or None
        As `fields_of` gives it.
    """
    if metric.startswith(REJECTED):
        return Definition(f"gate.{metric.removeprefix(REJECTED)}.count.v1", "1", "lower")
    bases = [name for name in DEFINITIONS if metric == name or metric.startswith(f"{name}_")]
    if not bases:
        return None
    base = max(bases, key=len)
    return _aggregate(DEFINITIONS[base], metric.removeprefix(base))


def _aggregate(base: Definition, suffix: str) -> Definition:
    """The definition of an aggregate, named by a suffix such as ``"_mean"``; the base itself without one."""
    units = _UNIT_OF | _UNIT_OF_ASKED if base.unit == "mL" else _UNIT_OF
    return Definition(
        base.definition + suffix.replace("_", "/", 1), units.get(suffix, base.unit), base.direction
    )
