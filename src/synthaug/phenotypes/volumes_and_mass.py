"""Volumes, ejection fractions, cardiac output and mass."""

from __future__ import annotations

from synthaug.metrics.clinical import stroke_volume_ml
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML, ejection_fraction
from synthaug.phenotypes.phase import Phase, ratio

_NAN = float("nan")


def measure_volumes_and_mass(ed: Phase | None, es: Phase | None, beat_s: float) -> dict[str, float]:
    """Phenotypes of the groups *volumes* and *mass*.

    Parameters
    ----------
    ed, es : Phase or None
        None where not labelled.
    beat_s : float
        Duration of the beat in seconds; NaN where unknown.

    Returns
    -------
    dict of str to float
        In the units of the registry; NaN is unknown. A structure that is nowhere in a phase was not drawn and has no
        volume there.
    """
    found: dict[str, float] = {}
    for side in ("LV", "RV"):
        low = side.lower()
        edv = _volume(ed, side)
        esv = _volume(es, side) if edv > 0 else _NAN
        stroke = stroke_volume_ml(edv, esv)
        found |= {
            f"{low}_edv_ml": edv,
            f"{low}_esv_ml": esv,
            f"{low}_sv_ml": stroke,
            f"{low}_ef": ejection_fraction(edv, esv),
            f"{low}_co_l_min": stroke * 60 / beat_s / 1000,
        }
    for quantity in ("edv", "esv", "sv"):
        found[f"lv_rv_{quantity}_ratio"] = ratio(found[f"lv_{quantity}_ml"], found[f"rv_{quantity}_ml"])
    wall = _volume(ed, "MYO")
    edv, esv, stroke = (found[f"lv_{quantity}_ml"] for quantity in ("edv", "esv", "sv"))
    mass = MYOCARDIAL_DENSITY_G_PER_ML * wall
    return found | {
        "myo_mass_g": mass,
        "myo_mass_es_g": MYOCARDIAL_DENSITY_G_PER_ML * _volume(es, "MYO"),
        "lv_epicardial_volume_ed_ml": edv + wall,
        "lv_mass_volume_ratio_g_ml": mass / edv,
        "lv_concentricity_g_ml23": mass / edv ** (2 / 3),
        "lv_contraction_fraction": 100 * stroke / wall,
        "lv_global_function_index": 100 * stroke / ((edv + esv) / 2 + wall),
    }


def _volume(phase: Phase | None, structure: str) -> float:
    """Volume in mL; NaN where unknown, cut or absent."""
    return phase.volume_ml(structure) if phase is not None and phase.is_whole(structure) else _NAN
