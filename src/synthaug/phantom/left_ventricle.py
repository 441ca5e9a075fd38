"""The left ventricle: a truncated prolate shell that beats without changing its mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthaug.phantom.fields import smooth_noise
from synthaug.phantom.population import HeartParameters

MYOCARDIAL_DENSITY_G_PER_ML = 1.05
N_ANGLES = 360
_N_LEVELS = 121
#: How far above its widest plane the ellipsoid is cut off, relative to its half axis.
_TRUNCATION = 0.35
#: The apex is thinner than the rest of the wall.
_APEX_THICKNESS = 0.65

ANGLES = np.arange(N_ANGLES) * (2 * np.pi / N_ANGLES)
#: An infarct fades over these: degrees within its half width, levels beyond its ends.
_FADES_DEG, _FADES_LEVEL = 18.0, 0.12


@dataclass(frozen=True)
class Shell:
    """The left ventricle at one moment, on its own material coordinates.

    Attributes
    ----------
    base_mm, length_mm : float
        Position of the mitral plane below its end-diastolic one, and distance from there to
        the epicardial apex, which stays where it is.
    squared : ndarray, shape (levels, angles, 3)
        Squared radii in mm2 of the blood (inside the trabeculae), the endocardium and the
        epicardium; levels run evenly from base to apex.
    """

    base_mm: float
    length_mm: float
    squared: np.ndarray

    def volume_ml(self, surface: int) -> float:
        """Volume inside surface 0, 1 or 2 of `squared`."""
        return _volume_ml(self.squared[..., surface], self.length_mm)


class LeftVentricle:
    """Geometry and motion of one person's left ventricle.

    A point of the wall keeps its level (relative to the length), its angle and the volume of
    wall between it and the cavity. So the wall thickens by just as much as the cavity and the
    length shrink: the squared radii differ by a0 L0 / L at every level and angle, and the
    mass is constant exactly.

    Parameters
    ----------
    parameters : HeartParameters
        Volumes, mass, motion and disease.
    rng : numpy.random.Generator
        Source of trabeculae and small irregularities of the outline.
    """

    def __init__(self, parameters: HeartParameters, rng: np.random.Generator) -> None:
        self.parameters = parameters
        self._infarct = self._infarct_weight()
        outline = self._outline(rng)
        # V = pi R^2 h (2/3 + c - c^3/3) with half axis h = L / (1 + c) and R = sphericity L / 2.
        c = _TRUNCATION
        shape = np.pi * (2 / 3 + c - c**3 / 3) / (1 + c) * (parameters.sphericity / 2) ** 2
        cavity_length = (1000 * parameters.lv_edv_ml / shape) ** (1 / 3)
        thickness = self._thickness(cavity_length, outline)
        self.length_mm, self._cavity, epicardium = self._end_diastole(cavity_length, outline, thickness)
        self._wall = epicardium - self._cavity
        self._trabeculae = self._trabecular_relief(rng)
        levels = np.linspace(0, 1, _N_LEVELS)[:, None]
        self._mobility = (0.88 + 0.28 * levels) * (1 - parameters.infarct_severity * self._infarct)

    def at(self, contraction: float) -> Shell:
        """The ventricle when `contraction` (0 to 1) of the stroke volume has left it."""
        p = self.parameters
        base = p.mapse_mm * contraction
        length = self.length_mm - base
        volume = p.lv_edv_ml - (p.lv_edv_ml - p.lv_esv_ml) * contraction
        # The cavity's area shrinks by a common factor times the local mobility; which one
        # follows from the volume, that is linear in it.
        full = _volume_ml(self._cavity, length)
        inward = (full - volume) / _volume_ml(self._cavity * self._mobility, length)
        cavity = self._cavity * np.maximum(1 - inward * self._mobility, 0.02)
        epicardium = cavity + self._wall * (self.length_mm / length)
        blood = cavity * self._trabeculae**2
        return Shell(base, length, np.stack([blood, cavity, epicardium], axis=-1).astype(np.float32))

    def _outline(self, rng: np.random.Generator) -> np.ndarray:
        """Relative radius by angle: slightly oval and irregular, flat where the right heart presses."""
        oval = 0.03 * np.cos(2 * (ANGLES - rng.uniform(0, np.pi)))
        uneven = 0.012 * smooth_noise(rng, (N_ANGLES,), 18, "wrap")
        pressed = self.parameters.septal_flattening * _bump(ANGLES - np.pi, np.deg2rad(55))
        return 1 + oval + uneven - pressed

    def _infarct_weight(self) -> np.ndarray:
        """1 in the middle of the akinetic segment, 0 away from it, shape (levels, angles)."""
        p = self.parameters
        if p.infarct_severity == 0:
            return np.zeros((_N_LEVELS, N_ANGLES))
        angle = np.angle(np.exp(1j * (ANGLES - np.deg2rad(p.infarct_centre_deg))))
        inside = _step((np.deg2rad(p.infarct_half_width_deg) - np.abs(angle)) / np.deg2rad(_FADES_DEG))
        levels = np.linspace(0, 1, _N_LEVELS)
        upper, lower = _infarct_ends(p)
        along = _step((levels - upper) / _FADES_LEVEL) * _step((lower - levels) / _FADES_LEVEL)
        return along[:, None] * inside[None, :]

    def _thickness(self, cavity_length: float, outline: np.ndarray) -> float:
        """Mean wall thickness in mm that gives the requested mass, by bisection."""
        low, high = 1.0, 40.0
        wanted = self.parameters.myocardial_mass_g / MYOCARDIAL_DENSITY_G_PER_ML
        for _ in range(40):
            middle = (low + high) / 2
            length, cavity, epicardium = self._end_diastole(cavity_length, outline, middle)
            low, high = (middle, high) if _volume_ml(epicardium - cavity, length) < wanted else (low, middle)
        return (low + high) / 2

    def _end_diastole(
        self, cavity_length: float, outline: np.ndarray, thickness: float
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Length to the epicardial apex, and squared radii of cavity and epicardium."""
        length = cavity_length + _APEX_THICKNESS * thickness
        z = np.linspace(0, length, _N_LEVELS)
        cavity = _ellipsoid(z / cavity_length)[:, None] * outline**2
        # The radius follows from the requested volume, whatever the outline does to it.
        radius = np.sqrt(self.parameters.lv_edv_ml / _volume_ml(cavity, length))
        cavity *= radius**2
        septum = self.parameters.septal_thickening * _bump(ANGLES - np.pi - 0.3, np.deg2rad(75))
        relative = (1 + septum)[None, :] * (1 - 0.45 * self.parameters.infarct_severity * self._infarct)
        epicardium = _ellipsoid(z / length)[:, None] * (radius * outline + thickness * relative) ** 2
        return length, cavity, np.maximum(epicardium, cavity)

    def _trabecular_relief(self, rng: np.random.Generator) -> np.ndarray:
        """Radius of the blood relative to the endocardium: ridges that grow towards the apex."""
        ridges = np.maximum(smooth_noise(rng, (_N_LEVELS, N_ANGLES), (9, 4), "wrap") - 0.4, 0) / 1.6
        levels = np.linspace(0, 1, _N_LEVELS)[:, None]
        free_wall = 1 - 0.75 * _bump(ANGLES - np.pi, np.deg2rad(80))  # the septum is smooth
        return 1 - np.minimum(ridges * free_wall * (0.05 + 0.30 * levels**1.5), 0.4)


def _infarct_ends(parameters: HeartParameters) -> tuple[float, float]:
    """Levels between which an infarct lies: an apical one goes on to the apex, another ends as far below its centre as above."""
    level = parameters.infarct_level
    return level - 0.42, 1.2 if level > 0.6 else level + 0.4


def infarct_arc(parameters: HeartParameters) -> dict[str, float]:
    """Where in the displayed short axis the infarct is at least half of its severity, at end-diastole.

    Parameters
    ----------
    parameters : HeartParameters
        The person.

    Returns
    -------
    dict of str to float
        ``infarct_middle_deg`` and ``infarct_width_deg``: in the plane, with the turn of the heart, degrees from the image's
        right through its bottom. ``infarct_from_level`` and ``infarct_to_level``: along the long axis, 0 base to 1 apex. NaN
        without an infarct.
    """
    upper, lower = _infarct_ends(parameters)
    found = {
        "infarct_middle_deg": (parameters.infarct_centre_deg + parameters.rotation_deg) % 360,
        "infarct_width_deg": 2 * parameters.infarct_half_width_deg - _FADES_DEG,
        "infarct_from_level": max(upper + _FADES_LEVEL / 2, 0.0),
        "infarct_to_level": min(lower - _FADES_LEVEL / 2, 1.0),
    }
    return found if parameters.infarct_severity > 0 else dict.fromkeys(found, float("nan"))


def _ellipsoid(u: np.ndarray) -> np.ndarray:
    """Squared relative radius at level `u` (0 base, 1 apex) of the truncated ellipsoid."""
    return np.clip(1 - ((1 + _TRUNCATION) * u - _TRUNCATION) ** 2, 0, None)


def _volume_ml(squared: np.ndarray, length_mm: float) -> float:
    """Volume inside squared radii (levels, angles) that span `length_mm`, trapezoids along the axis."""
    areas = squared.sum(axis=1) * (np.pi / N_ANGLES)
    return float((areas[1:] + areas[:-1]).sum() / 2 * length_mm / (len(areas) - 1) / 1000)


def _bump(angle: np.ndarray, half_width: float) -> np.ndarray:
    """Raised cosine: 1 at angle 0, 0 from `half_width` on."""
    wrapped = np.angle(np.exp(1j * angle))
    return np.where(np.abs(wrapped) < half_width, 0.5 + 0.5 * np.cos(np.pi * wrapped / half_width), 0.0)


def _step(x: np.ndarray) -> np.ndarray:
    """Smooth step, 0 below 0 and 1 above 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
