"""The whole heart at one moment: nested outlines around the long axis, from blood to fat.

At every level along the axis and every angle around it the heart is a stack of layers: left
blood (ventricle or atrium), its wall, right blood (ventricle or atrium), its wall, fat. A
crescent-shaped right ventricle that is attached at the septum is then a layer whose
thickness vanishes towards the insertion points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from synthaug.phantom.fields import smooth_noise
from synthaug.phantom.left_ventricle import (
    N_ANGLES,
    LeftVentricle,
    Shell,
)
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.right_heart import RightHeart

#: Columns of `Layers.radii`: outlines from inside to outside, then those the labels follow.
(LEFT_BLOOD, LEFT_WALL, RIGHT_BLOOD, RIGHT_WALL, FAT, LV_LABEL, MYO_LABEL, RV_LABEL) = range(8)
ROW_MM = 0.5
TOP_MM = -45.0
_ABSENT = -100.0  # a radius that no pixel is inside of
_ATRIAL_WALL_MM = 2.0
_RV_WALL_MM = 3.0


@dataclass(frozen=True)
class Layers:
    """The heart at one moment; z counts in mm from the end-diastolic mitral plane to the apex.

    Attributes
    ----------
    radii : ndarray, shape (rows, angles, 8), float32
        Radii in mm of the outlines, one row every `ROW_MM` from `TOP_MM` on.
    papillary : ndarray, shape (rows, 2, 3)
        x, y and radius in mm of the two papillary muscles, relative to the long axis.
    volumes_ml : dict of str to float
        LV, MYO and RV, integrated on this grid.
    """

    radii: np.ndarray
    papillary: np.ndarray
    volumes_ml: dict[str, float]


class Heart:
    """One person's heart.

    Parameters
    ----------
    parameters : HeartParameters
        Who.
    rng : numpy.random.Generator
        Source of the details that no parameter describes.
    """

    def __init__(self, parameters: HeartParameters, rng: np.random.Generator) -> None:
        self.parameters = parameters
        self.cycle = parameters.cycle
        self.left_ventricle = LeftVentricle(parameters, rng)
        self.length_mm = self.left_ventricle.length_mm
        self.z_mm = np.arange(TOP_MM, self.length_mm + 12, ROW_MM)
        rows = (len(self.z_mm), N_ANGLES)
        self._ridges = np.clip(smooth_noise(rng, rows, (10, 4), "wrap") - 0.2, 0, 1.5) / 1.5
        self._fat_relief = 1 + 0.25 * smooth_noise(rng, rows, (14, 16), "wrap")
        self._papillary_deg = np.array([-62.0, 72.0]) + rng.normal(0, 8, 2)
        self._papillary_mm = rng.uniform(0.8, 1.1, 2) * np.cbrt(parameters.myocardial_mass_g / 100) * 5.2
        diastole = self.left_ventricle.at(0.0)
        self._atrium_mm = 0.96 * np.sqrt(diastole.squared[0, :, 1])
        squared, in_lv, _ = self._on_rows(diastole, 0.0)
        _, left_wall = self._left_side(squared, in_lv, diastole.base_mm)
        self._right_heart = RightHeart(parameters, self.z_mm, self.length_mm, left_wall)

    def at(self, time_s: float) -> Layers:
        """The heart `time_s` after end-diastole."""
        p = self.parameters
        contraction = float(self.cycle.contraction(np.array(time_s)))
        twist = float(self.cycle.twist(np.array(time_s))) * np.deg2rad(p.torsion_deg)
        shell = self.left_ventricle.at(contraction)
        squared, in_lv, turn = self._on_rows(shell, twist)
        left_blood, left_wall = self._left_side(squared, in_lv, shell.base_mm)
        right, in_rv = self._right_heart.at(left_wall, contraction)
        depth = right - left_wall
        trabeculated = np.where(self.z_mm[:, None] > 0, 0.12 + 0.35 * self._level(), 0.0)
        radii = np.full((*left_wall.shape, 8), _ABSENT, np.float32)
        radii[..., LEFT_BLOOD] = left_blood
        radii[..., LEFT_WALL] = left_wall
        radii[..., RIGHT_BLOOD] = left_wall + depth * (1 - self._ridges * trabeculated)
        thickness = _RV_WALL_MM * (1 + 0.25 * contraction)
        radii[..., RIGHT_WALL] = right + thickness * np.clip(depth / 4, 0, 1)
        radii[..., FAT] = self._fat(radii[..., RIGHT_WALL], shell.base_mm)
        radii[..., LV_LABEL] = np.where(in_lv[:, None], np.sqrt(squared[..., 1]), _ABSENT)
        radii[..., MYO_LABEL] = np.where(in_lv[:, None], left_wall, _ABSENT)
        radii[..., RV_LABEL] = np.where(in_rv, right, left_wall)
        volumes = {
            "LV": shell.volume_ml(1),
            "MYO": shell.volume_ml(2) - shell.volume_ml(1),
            "RV": float((right**2 - left_wall**2)[in_rv].sum() * np.pi / N_ANGLES * ROW_MM / 1000),
        }
        return Layers(radii, self._papillary_muscles(shell, squared, turn), volumes)

    def _level(self) -> np.ndarray:
        return np.clip(self.z_mm / self.length_mm, 0, 1)[:, None]

    def _on_rows(self, shell: Shell, twist: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Squared radii of the shell on the rows, twisted; which rows it has; their turn (rad)."""
        levels = shell.squared.shape[0]
        u = (self.z_mm - shell.base_mm) / shell.length_mm
        position = np.clip(u, 0, 1) * (levels - 1)
        low = np.minimum(position.astype(int), levels - 2)
        part = (position - low)[:, None, None]
        squared = shell.squared[low] * (1 - part) + shell.squared[low + 1] * part
        in_lv = (u >= 0) & (u < 1)
        squared[u >= 1] = 0
        # Seen from the apex, the base turns clockwise and the apex counter-clockwise.
        turn = twist * (0.3 - np.clip(u, 0, 1))
        shift = turn / (2 * np.pi) * N_ANGLES
        whole = np.floor(shift).astype(int)
        columns = (np.arange(N_ANGLES)[None, :] - whole[:, None]) % N_ANGLES
        rows = np.arange(len(u))[:, None]
        part = (shift - whole)[:, None, None]
        squared = squared[rows, columns] * (1 - part) + squared[rows, (columns - 1) % N_ANGLES] * part
        return squared, in_lv, turn

    def _left_side(
        self, squared: np.ndarray, in_lv: np.ndarray, base_mm: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Blood and outer wall of left ventricle and atrium, shape (rows, angles)."""
        # The atrium's roof stands still: when the mitral plane descends, the atrium fills.
        height = base_mm - self.z_mm
        dome = np.sqrt(np.clip(1 - np.clip(height / (base_mm - TOP_MM - 2), 0, None) ** 3, 0, 1))[:, None]
        annulus = np.sqrt(squared[np.argmax(in_lv), :, 1])
        atrium = annulus + (self._atrium_mm - annulus) * _near(height, 9)[:, None]
        atrium = atrium * dome
        above = (height > 0)[:, None]
        blood = np.where(above, atrium, np.sqrt(squared[..., 0]))
        blood = np.where(above | in_lv[:, None], blood, _ABSENT)
        wall = np.where(above, atrium + _ATRIAL_WALL_MM * dome, np.sqrt(squared[..., 2]))
        return blood, wall

    def _fat(self, outer: np.ndarray, base_mm: float) -> np.ndarray:
        """Outer radius of the epicardial fat: fills the grooves, thicker between the chambers."""
        envelope = gaussian_filter1d(outer, 13, axis=1, mode="wrap")
        groove = np.exp(-(((self.z_mm - base_mm + 3) / 7) ** 2))[:, None]
        thickness = self.parameters.fat_mm * (0.5 + 1.6 * groove + 0.5 * self._level()) * self._fat_relief
        beyond = np.clip(1 - (self.z_mm - self.length_mm) / 6, 0, 1)[:, None]
        fat = np.maximum(outer, envelope) + np.clip(thickness, 0.3, None) * beyond
        return np.where(beyond > 0, fat, _ABSENT)

    def _papillary_muscles(self, shell: Shell, squared: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Two muscles that rise from the wall below the middle and end above it."""
        u = (self.z_mm - shell.base_mm) / shell.length_mm
        cavity = np.sqrt(squared[..., 1].mean(axis=1))
        muscles = np.zeros((len(u), 2, 3))
        for index in range(2):
            angle = np.deg2rad(self._papillary_deg[index]) + turn
            radius = self._papillary_mm[index] * np.sqrt(self.length_mm / shell.length_mm)
            radius = np.minimum(radius, 0.42 * cavity)
            bulk = np.sqrt(np.clip(1 - ((u - 0.53) / 0.24) ** 2, 0, 1))
            centre = cavity * (0.62 + 0.3 * np.clip((u - 0.45) / 0.3, 0, 1))
            muscles[:, index, 0] = centre * np.cos(angle)
            muscles[:, index, 1] = centre * np.sin(angle)
            muscles[:, index, 2] = radius * bulk
        return muscles


def _near(distance_mm: np.ndarray, reach_mm: float) -> np.ndarray:
    """0 at the valve plane, 1 from `reach_mm` above it on."""
    return np.sqrt(np.clip(distance_mm / reach_mm, 0, 1))
