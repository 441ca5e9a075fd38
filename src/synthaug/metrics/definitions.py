"""Identity, unit and better side of every metric; `docs/metrics.md` says each in full."""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """What a metric is.

    Attributes
    ----------
    id : str
        Name and version of the definition; it changes whenever a value could.
    unit : str
        Unit of the value; empty where it has none that means anything.
    direction : str
        ``"higher"``, ``"lower"`` or ``"none"``: which way is better.
    """

    id: str
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
    "fid": Definition("frechet.frames.v1", "", "lower"),
    "fid_basal": Definition("frechet.frames.basal-third.v1", "", "lower"),
    "fid_middle": Definition("frechet.frames.middle-third.v1", "", "lower"),
    "fid_apical": Definition("frechet.frames.apical-third.v1", "", "lower"),
    "kid": Definition("kid.frames.v1", "", "lower"),
    "fvd_t": Definition("frechet.temporal.v1", "", "lower"),
    "fvd_s": Definition("frechet.spatial.v1", "", "lower"),
    "f4d": Definition("frechet.4d.v1", "", "lower"),
    "mixing_temporal": Definition("mixing.temporal.5-nearest.v1", "1", "none"),
    "mixing_spatial": Definition("mixing.spatial.5-nearest.v1", "1", "none"),
    "precision": Definition("precision.4d.k5.v1", "1", "higher"),
    "recall": Definition("recall.4d.k5.v1", "1", "higher"),
    "density": Definition("density.4d.k5.v1", "1", "higher"),
    "coverage": Definition("coverage.4d.k5.v1", "1", "higher"),
    "copied_share": Definition("memorisation.copied.v1", "1", "lower"),
    "copied_share_real": Definition("memorisation.copied-held-out.v1", "1", "none"),
    "planted_found": Definition("memorisation.planted-exact.v1", "1", "higher"),
    "planted_altered_found": Definition("memorisation.planted-disguised.v1", "1", "higher"),
    "authenticity": Definition("memorisation.authenticity.v1", "1", "higher"),
    "nearer_to_train": Definition("memorisation.nearer-to-train.v1", "1", "none"),
    "nndr": Definition("memorisation.nndr.v1", "1", "higher"),
    "controllability_r": Definition("controllability.pearson.v1", "1", "higher"),
    "controllability_bias": Definition("controllability.bias.v1", "mL", "none"),
    "controllability_loa_low": Definition("controllability.loa.v1", "mL", "none"),
    "controllability_loa_high": Definition("controllability.loa.v1", "mL", "none"),
    "acceptance_rate": Definition("acceptance.samples.wilson95.v1", "1", "higher"),
}
#: Counts of the samples that one reason of the quality gate rejected are named after the reason.
REJECTED = "rejected_"


def fields_of(metric: str, suffix: str = "") -> dict[str, str]:
    """Columns `metric`, `definition`, `unit` and `direction` of a result row.

    Parameters
    ----------
    metric : str
        A name in `DEFINITIONS`.
    suffix : str
        Appended to the metric's name, such as ``"_mean"``; the definition's id takes it too.
    """
    found = DEFINITIONS[metric]
    return {
        "metric": metric + suffix,
        "definition": found.id + suffix.replace("_", "/", 1),
        "unit": found.unit,
        "direction": found.direction,
    }


def definition_of(metric: str) -> Definition | None:
    """What a metric of a result row is, aggregates included; None where nothing here defines it.

    Parameters
    ----------
    metric : str
        Such as ``dice``, ``dice_mean``, ``fid_ratio``, ``controllability_r_lv_edv_ml``.

    Returns
    -------
    Definition or None
        With the id that `fields_of` gives; a ratio has the unit 1, a response none.
    """
    if metric.startswith(REJECTED):
        return Definition(f"gate.{metric.removeprefix(REJECTED)}.count.v1", "1", "lower")
    bases = [name for name in DEFINITIONS if metric == name or metric.startswith(f"{name}_")]
    if not bases:
        return None
    base = max(bases, key=len)
    found, suffix = DEFINITIONS[base], metric.removeprefix(base)
    unit = {"_ratio": "1", "_response": ""}.get(suffix, found.unit)
    return Definition(found.id + suffix.replace("_", "/", 1), unit, found.direction)
