"""Phenotypes that follow from others, and phenotypes of which one is never the larger.

What `synthaug.phenotypes.registry` defines as a formula of other phenotypes stands here as that formula, so that
sampled phenotypes can be computed from one another as measured ones are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML
from synthaug.phenotypes.registry import PHENOTYPES

#: Values of phenotypes by name, ndarrays of one shape.
Values = Mapping[str, np.ndarray]
_SEGMENTS = range(1, 17)
_MS_PER_MIN = 60_000.0


class Identity(NamedTuple):
    """A phenotype as a formula of others.

    Attributes
    ----------
    name : str
        The phenotype that follows.
    sources : tuple of str
        The phenotypes it follows from; of several formulas of one phenotype the first with all sources counts.
    formula : callable
        Values of the sources, in their order, to its own.
    """

    name: str
    sources: tuple[str, ...]
    formula: Callable[..., np.ndarray]

    def __call__(self, values: Values) -> np.ndarray:
        """The phenotype of known sources."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.formula(*(values[source] for source in self.sources)), np.float64)


def ventricle(side: str) -> tuple[str, str, str, str]:
    """EDV, ESV, stroke volume and ejection fraction of a side, ``"lv"`` or ``"rv"``: any two give the others."""
    return f"{side}_edv_ml", f"{side}_esv_ml", f"{side}_sv_ml", f"{side}_ef"


def _declared() -> Iterator[Identity]:
    """In an order in which the sources of an identity stand before it."""
    for side in ("lv", "rv"):
        yield from _of_ventricle(side)
    for quantity in ("edv", "esv", "sv"):
        both = f"lv_{quantity}_ml", f"rv_{quantity}_ml"
        yield Identity(f"lv_rv_{quantity}_ratio", both, np.divide)
    yield from _of_mass()
    yield from _of_wall()
    yield from _of_shape()
    beat = ("es_phase", "heart_rate_bpm")
    yield Identity("systole_ms", beat, lambda phase, rate: _MS_PER_MIN * phase / rate)
    yield Identity("diastole_ms", beat, lambda phase, rate: _MS_PER_MIN * (1 - phase) / rate)
    for side in ("lv", "rv"):
        yield from _of_rates(side)


def _of_ventricle(side: str) -> Iterator[Identity]:
    edv, esv, sv, ef = ventricle(side)
    # From EDV and EF, in which a ventricle is solved for, before all others.
    yield Identity(esv, (edv, ef), lambda edv, ef: edv * (1 - ef / 100))
    yield Identity(sv, (edv, ef), lambda edv, ef: edv * ef / 100)
    yield Identity(sv, (edv, esv), np.subtract)
    yield Identity(ef, (edv, esv), lambda edv, esv: 100 * (edv - esv) / edv)
    output = f"{side}_co_l_min"
    yield Identity(output, (sv, "heart_rate_bpm"), lambda stroke, rate: stroke * rate / 1000)


def _of_mass() -> Iterator[Identity]:
    density = MYOCARDIAL_DENSITY_G_PER_ML
    edv, esv, sv, mass = "lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "myo_mass_g"
    yield Identity("lv_epicardial_volume_ed_ml", (edv, mass), lambda edv, mass: edv + mass / density)
    yield Identity("lv_mass_volume_ratio_g_ml", (mass, edv), np.divide)
    yield Identity("lv_concentricity_g_ml23", (mass, edv), lambda mass, edv: mass / edv ** (2 / 3))
    yield Identity("lv_contraction_fraction", (sv, mass), lambda stroke, mass: 100 * stroke * density / mass)
    yield Identity(
        "lv_global_function_index",
        (sv, edv, esv, mass),
        lambda stroke, edv, esv, mass: 100 * stroke / ((edv + esv) / 2 + mass / density),
    )


def _thickness(segments: Sequence[int], phase: str) -> tuple[str, ...]:
    return tuple(f"wall_thickness_aha{segment:02d}_{phase}_mm" for segment in segments)


def _of_wall() -> Iterator[Identity]:
    for phase in ("ed", "es"):
        segments = _thickness(_SEGMENTS, phase)
        yield Identity(f"wall_thickness_mean_{phase}_mm", segments, _mean)
        yield Identity(f"wall_thickness_max_{phase}_mm", segments, _largest)
        for third, of_third in (
            ("basal", range(1, 7)),
            ("mid", range(7, 13)),
            ("apical", range(13, 17)),
        ):
            yield Identity(f"wall_thickness_{third}_{phase}_mm", _thickness(of_third, phase), _mean)
    for segment in _SEGMENTS:
        both = f"wall_thickness_aha{segment:02d}_ed_mm", f"wall_thickness_aha{segment:02d}_es_mm"
        yield Identity(f"wall_thickening_aha{segment:02d}", both, lambda ed, es: 100 * (es - ed) / ed)
    thickening = tuple(f"wall_thickening_aha{segment:02d}" for segment in _SEGMENTS)
    for kind, statistic in (("mean", _mean), ("max", _largest), ("min", _smallest)):
        yield Identity(f"wall_thickening_{kind}", thickening, statistic)
    yield Identity(
        "wall_septal_lateral_ratio_ed",
        (*_thickness((2, 3, 8, 9), "ed"), *_thickness((5, 6, 11, 12), "ed")),
        lambda *segments: _mean(*segments[:4]) / _mean(*segments[4:]),
    )
    yield Identity(
        "lv_relative_wall_thickness",
        (*_thickness((5, 11), "ed"), "lv_diameter_basal_ed_mm"),
        lambda basal, mid, diameter: (basal + mid) / diameter,
    )


def _of_shape() -> Iterator[Identity]:
    for phase in ("ed", "es"):
        length = f"lv_length_{phase}_mm"
        volume, diameter = f"lv_{phase}v_ml", f"lv_diameter_mid_{phase}_mm"
        yield Identity(
            f"lv_sphericity_{phase}", (volume, length), lambda ml, mm: 1000 * ml / (np.pi / 6 * mm**3)
        )
        yield Identity(f"lv_diameter_length_ratio_{phase}", (diameter, length), np.divide)
    basal = "rv_diameter_basal_ed_mm", "lv_diameter_basal_ed_mm"
    yield Identity("rv_lv_diameter_ratio_ed", basal, np.divide)
    mid = "lv_diameter_mid_ed_mm", "lv_diameter_mid_es_mm"
    yield Identity("lv_fractional_shortening", mid, lambda ed, es: 100 * (ed - es) / ed)


def _of_rates(side: str) -> Iterator[Identity]:
    edv, _, sv, _ = ventricle(side)
    rate_bpm = "heart_rate_bpm"
    yield Identity(
        f"{side}_mean_ejection_rate_ml_s", (sv, "systole_ms"), lambda stroke, systole: 1000 * stroke / systole
    )
    # Systole need not be asked for to be known.
    yield Identity(
        f"{side}_mean_ejection_rate_ml_s",
        (sv, "es_phase", rate_bpm),
        lambda stroke, phase, rate: 1000 * stroke / (_MS_PER_MIN * phase / rate),
    )
    for phase in ("ejection", "filling"):
        stem = f"{side}_peak_{phase}"
        yield Identity(f"{stem}_rate_edv_s", (f"{stem}_rate_ml_s", edv), np.divide)
        yield Identity(
            f"{stem}_rate_edv_beat", (f"{stem}_rate_edv_s", rate_bpm), lambda rate, bpm: rate * 60 / bpm
        )
        yield Identity(
            f"{stem}_rate_edv_beat",
            (f"{stem}_rate_ml_s", edv, rate_bpm),
            lambda rate, edv, bpm: rate / edv * 60 / bpm,
        )
    yield Identity(
        f"{side}_peak_ejection_time_ms",
        (f"{side}_peak_ejection_phase", rate_bpm),
        lambda phase, rate: _MS_PER_MIN * phase / rate,
    )
    yield Identity(
        f"{side}_peak_filling_time_ms",
        (f"{side}_peak_filling_phase", "es_phase", rate_bpm),
        lambda phase, es_phase, rate: _MS_PER_MIN * ((phase - es_phase) % 1) / rate,
    )


def _mean(*parts: np.ndarray) -> np.ndarray:
    return np.mean(parts, axis=0)


def _largest(*parts: np.ndarray) -> np.ndarray:
    return np.max(parts, axis=0)


def _smallest(*parts: np.ndarray) -> np.ndarray:
    return np.min(parts, axis=0)


IDENTITIES: tuple[Identity, ...] = tuple(_declared())


def _ordered() -> Iterator[tuple[str, str]]:
    for side in ("lv", "rv"):
        edv, esv, sv, _ = ventricle(side)
        yield from ((esv, edv), (sv, edv))
    yield "lv_edv_ml", "lv_epicardial_volume_ed_ml"
    for phase in ("ed", "es"):
        largest = f"wall_thickness_max_{phase}_mm"
        yield f"wall_thickness_mean_{phase}_mm", largest
        yield from ((f"wall_thickness_{third}_{phase}_mm", largest) for third in ("basal", "mid", "apical"))
        yield from ((segment, largest) for segment in _thickness(_SEGMENTS, phase))
        yield f"lv_diameter_mid_{phase}_mm", f"lv_epicardial_diameter_mid_{phase}_mm"
    yield "wall_thickening_min", "wall_thickening_mean"
    yield "wall_thickening_mean", "wall_thickening_max"
    for segment in _SEGMENTS:
        yield f"wall_thickening_aha{segment:02d}", "wall_thickening_max"
        yield "wall_thickening_min", f"wall_thickening_aha{segment:02d}"


#: Pairs of phenotypes in one unit of which the first is never above the second.
ORDERED: tuple[tuple[str, str], ...] = tuple(_ordered())


def follow_from(known: Collection[str]) -> list[Identity]:
    """Identities of all phenotypes that follow from known ones, directly or through one another, in order.

    Of EDV, ESV, stroke volume and ejection fraction of a ventricle, any two known ones give the others.
    """
    found: dict[str, Identity] = {}
    available = set(known)
    for side in ("lv", "rv"):
        if len(available & set(ventricle(side))) >= 2:
            available |= set(ventricle(side))
    for identity in IDENTITIES:
        if identity.name not in found and available >= set(identity.sources):
            found[identity.name] = identity
            available.add(identity.name)
    return list(found.values())


def determined_by(known: Collection[str]) -> set[str]:
    """Known phenotypes and all that follow from them."""
    determined = {*known, *(identity.name for identity in follow_from(known))}
    for side in ("lv", "rv"):
        if len(determined & set(ventricle(side))) >= 2:
            determined |= set(ventricle(side))
    return determined


assert {identity.name for identity in IDENTITIES} <= set(PHENOTYPES)
