"""The right ventricle, a crescent on the septum, and the right atrium above it."""

from __future__ import annotations

import numpy as np

from synthaug.phantom.left_ventricle import ANGLES, N_ANGLES
from synthaug.phantom.population import HeartParameters

#: How far the outflow tract rises above the tricuspid plane.
_OUTFLOW_MM = 6.0
#: The right ventricle ends before the left one's apex, at this part of its length.
_APEX_LEVEL = 0.88
_ROOF_BELOW_TOP_MM = 4.0


class RightHeart:
    """Geometry and motion of one person's right heart.

    Its inner boundary is the left heart's wall: so it is attached at the septum at every
    moment, and its depth follows from its volume.

    Parameters
    ----------
    parameters : HeartParameters
        Volumes and motion.
    z_mm : ndarray, shape (rows,)
        Levels along the long axis, evenly spaced, from the end-diastolic mitral plane.
    length_mm : float
        From the end-diastolic mitral plane to the left ventricle's epicardial apex.
    left_wall_mm : ndarray, shape (rows, angles)
        Outer radius of the left heart at end-diastole.
    """

    def __init__(
        self, parameters: HeartParameters, z_mm: np.ndarray, length_mm: float, left_wall_mm: np.ndarray
    ) -> None:
        self._parameters = parameters
        self._z_mm = z_mm
        self._apex_mm = _APEX_LEVEL * length_mm
        from_anterior = np.angle(np.exp(1j * (ANGLES - np.deg2rad(240))))
        self._outflow_mm = _OUTFLOW_MM * np.clip(1 - (from_anterior / np.deg2rad(38)) ** 2, 0, 1)
        shape, _, in_ventricle = self._shape(0.0)
        self._diastolic_depth_mm = self._depth(left_wall_mm, shape, in_ventricle, parameters.rv_edv_ml)

    def at(self, left_wall_mm: np.ndarray, contraction: float) -> tuple[np.ndarray, np.ndarray]:
        """The right heart when `contraction` (0 to 1) of the stroke volume has left it.

        Parameters
        ----------
        left_wall_mm : ndarray, shape (rows, angles)
            Outer radius of the left heart at this moment.
        contraction : float
            0 at end-diastole, 1 at end-systole.

        Returns
        -------
        outer_mm : ndarray, shape (rows, angles)
            Outer radius of the blood of ventricle and atrium.
        in_ventricle : ndarray of bool, shape (rows, angles)
            Where it is ventricle.
        """
        p = self._parameters
        shape, above_mm, in_ventricle = self._shape(contraction)
        volume = p.rv_edv_ml - (p.rv_edv_ml - p.rv_esv_ml) * contraction
        depth = self._depth(left_wall_mm, shape, in_ventricle, volume)
        # The roof stands still, so the atrium is widest while its ventricle is smallest.
        roof_mm = above_mm[0] - _ROOF_BELOW_TOP_MM
        dome = np.sqrt(1 - np.clip(above_mm / roof_mm, 0, 1) ** 3)
        widened = depth + (0.75 * self._diastolic_depth_mm - depth) * np.sqrt(np.clip(above_mm / 9, 0, 1))
        depth_here = np.where(above_mm > 0, widened * dome, depth)
        return left_wall_mm + depth_here * shape, in_ventricle

    def _shape(self, contraction: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Relative depth, mm above the tricuspid plane, and where it is ventricle, (rows, angles)."""
        base = self._parameters.tapse_mm * contraction - self._outflow_mm
        u = (self._z_mm[:, None] - base) / (self._apex_mm - base)
        # The insertion points come closer to each other towards the apex.
        half_width = np.deg2rad(82) - np.deg2rad(30) * np.clip(u, 0, 1) ** 1.5
        across = np.angle(np.exp(1j * (ANGLES - np.deg2rad(176)))) / half_width
        crescent = np.clip(1 - np.abs(across) ** 2.8, 0, 1) ** 0.8 * (1 - 0.15 * across)
        along = (1 - np.clip(u, 0, 1) ** 1.8) ** 0.8
        return crescent * along, base - self._z_mm[:, None], (u >= 0) & (u < 1)

    def _depth(
        self, left_wall_mm: np.ndarray, shape: np.ndarray, in_ventricle: np.ndarray, volume_ml: float
    ) -> float:
        """Depth d in mm of the crescent that gives the volume.

        V is the sum over the ventricle of ((r + d s)^2 - r^2) / 2, quadratic in d.
        """
        cell = np.pi / N_ANGLES * (self._z_mm[1] - self._z_mm[0]) / 1000
        quadratic = float((shape**2)[in_ventricle].sum()) * cell
        linear = float((2 * left_wall_mm * shape)[in_ventricle].sum()) * cell
        return (-linear + np.sqrt(linear**2 + 4 * quadratic * volume_ml)) / (2 * quadratic)
