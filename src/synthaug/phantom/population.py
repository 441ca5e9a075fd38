"""Who is scanned: body, heart and disease, drawn by diagnosis from published distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthaug.phantom.cycle import CardiacCycle


@dataclass(frozen=True)
class HeartParameters:
    """One simulated person; volumes in mL, mass in g, lengths in mm, angles in degrees.

    Angles in the short-axis plane run from the lateral wall (0) through the inferior wall
    (90) to the septum (180), as a reader sees them: right ventricle left, anterior wall up.

    Attributes
    ----------
    diagnosis, sex : str
        Canonical code; ``"F"`` or ``"M"``.
    age_years, height_cm, weight_kg, heart_rate_bpm : float
        The person.
    lv_edv_ml, lv_esv_ml, rv_edv_ml, rv_esv_ml, myocardial_mass_g : float
        Papillary muscles count as cavity, as in the annotations of ACDC and M&Ms.
    sphericity : float
        Basal diameter over length of the left ventricle at end-diastole.
    mapse_mm, tapse_mm : float
        How far the mitral and tricuspid planes descend towards the apex in systole.
    torsion_deg : float
        Peak rotation of the apex against the base.
    septal_thickening : float
        Extra thickness of the septum relative to the rest of the wall.
    septal_flattening : float
        Part of the radius by which the septum is pushed into the left ventricle.
    infarct_centre_deg, infarct_half_width_deg : float
        Circumferential place and extent of an akinetic, thinned segment.
    infarct_level : float
        Its centre along the long axis, 0 base to 1 apex.
    infarct_severity : float
        0 no infarct, 1 a segment that does not contract at all.
    rotation_deg : float
        Turn of the whole heart in the short-axis plane.
    fat_mm : float
        Thickness of fat over the free walls; the thorax has about five times as much.
    """

    diagnosis: str
    sex: str
    age_years: float
    height_cm: float
    weight_kg: float
    heart_rate_bpm: float
    lv_edv_ml: float
    lv_esv_ml: float
    myocardial_mass_g: float
    rv_edv_ml: float
    rv_esv_ml: float
    sphericity: float
    mapse_mm: float
    tapse_mm: float
    torsion_deg: float
    septal_thickening: float
    septal_flattening: float
    infarct_centre_deg: float
    infarct_half_width_deg: float
    infarct_level: float
    infarct_severity: float
    rotation_deg: float
    fat_mm: float

    @property
    def cycle(self) -> CardiacCycle:
        """The heart beat; the atrial kick matters more with age."""
        return CardiacCycle(self.heart_rate_bpm, float(np.clip(0.12 + 0.003 * self.age_years, 0.15, 0.4)))


@dataclass(frozen=True)
class _Population:
    """Mean and standard deviation; volumes per m2 of body surface, women first where two."""

    lv_edv: tuple[tuple[float, float], tuple[float, float]]
    lv_ef: tuple[float, float]
    mass: tuple[tuple[float, float], tuple[float, float]]
    rv_edv: tuple[tuple[float, float], tuple[float, float]]
    sphericity: tuple[float, float]
    torsion: tuple[float, float]
    heart_rate: tuple[float, float]
    age: tuple[float, float]
    ef_limits: tuple[float, float]
    edv_limits: tuple[float, float] = (45.0, 260.0)
    mass_limits: tuple[float, float] = (30.0, 220.0)
    rv_ef: tuple[float, float] | None = None
    rv_edv_limits: tuple[float, float] = (45.0, 250.0)


# Normal hearts after Petersen et al., J. Cardiovasc. Magn. Reson. 19:18, 2017 (UK Biobank,
# papillary muscles in the cavity) and Kawel-Boehm et al., J. Cardiovasc. Magn. Reson. 22:87, 2020.
# The limits of the diseases are the inclusion criteria of ACDC: Bernard et al., IEEE TMI 37(11),
# 2018 (DCM: EDV > 100 mL/m2 and EF < 40 %; HCM: EF > 55 %, mass > 110 g/m2, wall > 15 mm; MINF:
# EF < 40 % and abnormal segments; RV: EDV > 110 mL/m2 or EF < 40 %). Torsion after Young and
# Cowan, J. Cardiovasc. Magn. Reson. 14:49, 2012.
_POPULATIONS = {
    "NOR": _Population(
        lv_edv=((74, 11), (83, 13)), lv_ef=(60, 4.5), ef_limits=(52, 72),
        mass=((48, 6), (60, 8)), mass_limits=(30, 85), rv_edv=((79, 11), (91, 14)),
        sphericity=(0.63, 0.025), torsion=(12, 2.5), heart_rate=(66, 9), age=(48, 14),
    ),
    "DCM": _Population(
        lv_edv=((128, 15), (136, 18)), edv_limits=(103, 185), lv_ef=(27, 7), ef_limits=(12, 39),
        mass=((72, 11), (84, 13)), rv_edv=((80, 15), (88, 18)),
        sphericity=(0.72, 0.035), torsion=(5, 2), heart_rate=(76, 11), age=(55, 13),
    ),
    "HCM": _Population(
        lv_edv=((66, 10), (73, 12)), lv_ef=(69, 5), ef_limits=(57, 82),
        mass=((118, 10), (130, 18)), mass_limits=(110, 190), rv_edv=((72, 11), (80, 13)),
        sphericity=(0.61, 0.03), torsion=(14, 3), heart_rate=(67, 9), age=(53, 14),
    ),
    "MINF": _Population(
        lv_edv=((95, 15), (104, 19)), lv_ef=(32, 5.5), ef_limits=(18, 39.5),
        mass=((58, 9), (70, 12)), rv_edv=((70, 12), (78, 14)),
        sphericity=(0.65, 0.03), torsion=(7, 2.5), heart_rate=(70, 10), age=(60, 10),
    ),
    "RV": _Population(
        lv_edv=((70, 10), (77, 12)), lv_ef=(57, 4.5), ef_limits=(50, 68), mass=((50, 7), (61, 9)),
        rv_edv=((125, 13), (134, 17)), rv_edv_limits=(111, 185), rv_ef=(36, 7),
        sphericity=(0.62, 0.03), torsion=(9, 2.5), heart_rate=(74, 10), age=(45, 15),
    ),
}  # fmt: skip

#: Coronary territories: centre in the plane, half width (degrees), level along the long axis.
_TERRITORIES = {"LAD": (215.0, 62.0, 0.72), "RCA": (105.0, 48.0, 0.40), "LCX": (30.0, 50.0, 0.45)}


def draw_parameters(diagnosis: str, rng: np.random.Generator) -> HeartParameters:
    """Draw one person with a diagnosis.

    Volumes are drawn per body surface (Mosteller) and the right ventricle's stroke volume
    follows the left one's, save for abnormal right ventricles, where the tricuspid valve leaks.

    Parameters
    ----------
    diagnosis : {"NOR", "DCM", "HCM", "MINF", "RV"}
        Canonical code.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    HeartParameters
        The person.
    """
    population = _POPULATIONS[diagnosis]
    male = bool(rng.random() < 0.55)
    height = _draw(rng, 176 if male else 163, 7, (145, 200))
    body_mass_index = _draw(rng, 27 if male else 26, 3.7, (18.5, 38))
    weight = body_mass_index * (height / 100) ** 2
    surface_m2 = np.sqrt(height * weight / 3600)
    edv = surface_m2 * _draw(rng, *population.lv_edv[male], population.edv_limits)
    ef = _draw(rng, *population.lv_ef, population.ef_limits) / 100
    rv_edv = surface_m2 * _draw(rng, *population.rv_edv[male], population.rv_edv_limits)
    rv_ef = (
        _draw(rng, *population.rv_ef, (18, 50)) / 100
        if population.rv_ef
        else edv * ef * rng.normal(1, 0.03) / rv_edv
    )
    rv_ef = float(np.clip(rv_ef, 0.15, 0.72))
    infarct = diagnosis == "MINF"
    centre, half_width, level = _TERRITORIES[rng.choice(list(_TERRITORIES), p=[0.5, 0.3, 0.2])]
    # Mechanics follow the ejection fraction; hypertrophy impairs the long axis first.
    mapse = 13.5 * (ef / 0.6) ** 0.75 * (0.72 if diagnosis == "HCM" else 1.0) * rng.normal(1, 0.07)
    tapse = 20.0 * (rv_ef / 0.57) ** 0.8 * rng.normal(1, 0.07)
    return HeartParameters(
        diagnosis=diagnosis,
        sex="M" if male else "F",
        age_years=round(_draw(rng, *population.age, (18, 88))),
        height_cm=round(height),
        weight_kg=round(weight),
        heart_rate_bpm=_draw(rng, *population.heart_rate, (48, 105)),
        lv_edv_ml=edv,
        lv_esv_ml=edv * (1 - ef),
        myocardial_mass_g=surface_m2 * _draw(rng, *population.mass[male], population.mass_limits),
        rv_edv_ml=rv_edv,
        rv_esv_ml=rv_edv * (1 - rv_ef),
        sphericity=_draw(rng, *population.sphericity, (0.5, 0.8)),
        mapse_mm=float(np.clip(mapse, 3.0, 18.0)),
        tapse_mm=float(np.clip(tapse, 6.0, 26.0)),
        torsion_deg=_draw(rng, *population.torsion, (1, 22)),
        septal_thickening=_draw(rng, 0.6, 0.25, (0.25, 1.2)) if diagnosis == "HCM" else rng.uniform(0, 0.12),
        septal_flattening=rng.uniform(0.14, 0.26) if diagnosis == "RV" else rng.uniform(0, 0.04),
        infarct_centre_deg=centre + rng.normal(0, 8),
        infarct_half_width_deg=half_width * rng.uniform(0.85, 1.15),
        infarct_level=level,
        infarct_severity=rng.uniform(0.85, 1.0) if infarct else 0.0,
        rotation_deg=_draw(rng, -8, 9, (-28, 15)),
        fat_mm=float(np.clip(1.2 + 0.16 * (body_mass_index - 20) + rng.normal(0, 0.4), 1.0, 5.0)),
    )  # fmt: skip


def _draw(rng: np.random.Generator, mean: float, sd: float, limits: tuple[float, float]) -> float:
    """A normal variate within limits, by rejection."""
    while True:
        value = float(rng.normal(mean, sd))
        if limits[0] <= value <= limits[1]:
            return value
