"""What surrounds the heart: chest wall, lungs, liver, stomach, aorta and spine, one slice at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthaug.phantom.fields import smooth_noise, spread

_SKIN_MM = 2.0
_MUSCLE_MM = 13.0


@dataclass(frozen=True)
class Extent:
    """How far the heart reaches from its long axis.

    Attributes
    ----------
    left_mm, right_mm : float
        At its widest.
    z_mm, below_mm : ndarray, shape (rows,)
        Levels along the axis, and how far down it reaches there.
    """

    left_mm: float
    right_mm: float
    z_mm: np.ndarray
    below_mm: np.ndarray

    def below_at(self, z_mm: float) -> float:
        """How far down it reaches at a level."""
        return float(np.interp(z_mm, self.z_mm, self.below_mm))


class _Canvas:
    """An image that tissues are laid on, one over the other, starting from air."""

    def __init__(self, signal: Mapping[str, np.ndarray], pixel_mm: float) -> None:
        self._signal = signal
        self._pixel_mm = pixel_mm
        self.image = np.zeros(signal["blood"].shape, np.complex64)

    def lay(self, tissue: str, inside_mm: np.ndarray, texture: np.ndarray | float = 1.0) -> None:
        """Cover where the distance to the outline is positive, in part along its edge."""
        covered = np.clip(0.5 + inside_mm / self._pixel_mm, 0, 1).astype(np.float32)
        self.image += covered * (texture * self._signal[tissue] - self.image)


class Thorax:
    """One person's chest, in mm: x to the right of the image (towards the back), y down, z to the apex.

    Parameters
    ----------
    extent : Extent
        Room the heart needs.
    fat_mm : float
        Thickness of fat over the heart; below the skin it is about five times that.
    rng : numpy.random.Generator
        Source of the person's build, vessels and texture.
    """

    def __init__(self, extent: Extent, fat_mm: float, rng: np.random.Generator) -> None:
        self._extent = extent
        self._subcutaneous_mm = 3.0 + 3.2 * fat_mm * rng.uniform(0.7, 1.2)
        self._wall_mm = _SKIN_MM + self._subcutaneous_mm + _MUSCLE_MM
        self._half_width, self._half_height = rng.uniform(120, 135), rng.uniform(140, 165)
        self._inner_left = extent.left_mm + rng.uniform(3, 9)
        self._lean = rng.uniform(0.10, 0.25)  # the wall comes closer towards the apex
        self._centre_y = rng.uniform(0, 25)
        self._ribs = np.cumsum(rng.uniform(32, 52, 12)) + rng.uniform(-250, -220)
        middle = extent.below_at(45.0)
        self._slope = rng.uniform(-0.16, 0.06)
        self._curve = rng.uniform(0.0010, 0.0026)
        self._gap_mm = rng.uniform(-5.0, 0.0)
        self._stomach = np.array([rng.uniform(34, 58), middle + rng.uniform(24, 34)])
        self._stomach_mm = np.array([rng.uniform(24, 36), rng.uniform(15, 22)])
        self._liver_edge = rng.uniform(0, 20)
        self._pad = np.array([-extent.left_mm + rng.uniform(8, 18), 0.8 * middle])
        self._pad_mm = np.array([rng.uniform(20, 30), rng.uniform(11, 17)]) * (0.6 + 0.15 * fat_mm)
        self._retrosternal = np.array([-extent.left_mm - rng.uniform(0, 6), rng.uniform(-12, 8)])
        self._retrosternal_mm = np.array([rng.uniform(9, 14) + 1.5 * fat_mm, rng.uniform(38, 55)])
        angle = np.deg2rad(rng.uniform(20, 36))
        self._aorta = (extent.right_mm + rng.uniform(24, 32)) * np.array([np.cos(angle), np.sin(angle)])
        self._aorta_mm = rng.uniform(10.0, 13.0)
        self._vessels = self._draw_vessels(rng, 190, (-30, 115), (-115, 70), (0.7, 2.4))
        self._liver_vessels = self._draw_vessels(rng, 30, (-110, 30), (middle, middle + 60), (1.2, 3.0))
        self._texture = 1 + 0.06 * smooth_noise(rng, (96, 96), 1.0, "wrap")
        self._contents = np.clip(0.75 + 0.35 * smooth_noise(rng, (96, 96), 3.0, "wrap"), 0.15, 1.4)

    @staticmethod
    def _draw_vessels(
        rng: np.random.Generator,
        count: int,
        x: tuple[float, float],
        y: tuple[float, float],
        radius: tuple[float, float],
    ) -> np.ndarray:
        """Oblique tubes: x, y, z, radius, and how far x and y move per mm of z, shape (count, 6)."""
        return np.column_stack([
            rng.uniform(*x, count), rng.uniform(*y, count), rng.uniform(-25, 115, count),
            rng.uniform(*radius, count), rng.normal(0, 0.9, (count, 2)),
        ])  # fmt: skip

    def paint(
        self,
        signal: Mapping[str, np.ndarray],
        chest_xy: tuple[np.ndarray, np.ndarray],
        organ_xy: tuple[np.ndarray, np.ndarray],
        z_mm: float,
        pixel_mm: float,
    ) -> np.ndarray:
        """Magnetisation of the chest without the heart in one plane.

        Parameters
        ----------
        signal : mapping of str to ndarray, complex, shape (y, x)
            Signal of each tissue at each pixel.
        chest_xy, organ_xy : tuple of 2 ndarrays, shape (y, x)
            Pixel coordinates in mm relative to the heart's long axis: for the chest wall, and for
            the organs, which move with the breath hold.
        z_mm : float
            Position of the plane.
        pixel_mm : float
            Pixel size: how wide an edge is.

        Returns
        -------
        ndarray, complex64, shape (y, x)
        """
        canvas = _Canvas(signal, pixel_mm)
        x, y = chest_xy
        organ_x, organ_y = organ_xy
        left = -(self._inner_left + self._wall_mm) + self._lean * z_mm
        depth, along = self._depth_below_skin(x, y, left)
        canvas.lay("muscle", depth)
        canvas.lay("fat", depth - _SKIN_MM, spread(self._texture, x, y, 2.5))
        canvas.lay("muscle", depth - _SKIN_MM - self._subcutaneous_mm)
        self._lay_ribs(canvas, depth, along, z_mm)
        canvas.lay("fat", depth - self._wall_mm)
        canvas.lay("lung", depth - self._wall_mm - 2.5)
        canvas.lay("blood", _tubes(self._vessels, organ_x, organ_y, z_mm))
        within = depth - self._wall_mm
        behind_sternum = self._retrosternal + np.array([self._lean * z_mm, 0])
        canvas.lay(
            "fat", np.minimum(_ellipse(organ_x, organ_y, behind_sternum, self._retrosternal_mm), within)
        )
        pad = _ellipse(organ_x, organ_y, self._pad + z_mm * np.array([0.2, -0.1]), self._pad_mm)
        canvas.lay("fat", np.minimum(pad, within))
        # Nothing of the belly may lie over the chest wall.
        self._lay_belly(canvas, organ_x, organ_y, z_mm, within)
        self._lay_back(canvas, organ_x, organ_y)
        return canvas.image

    def aorta(self, organ_xy: tuple[np.ndarray, np.ndarray], pixel_mm: float) -> np.ndarray:
        """Part of each pixel that is blood of the descending aorta."""
        return np.clip(0.5 + _ellipse(*organ_xy, self._aorta, self._aorta_mm) / pixel_mm, 0, 1)

    def _depth_below_skin(self, x: np.ndarray, y: np.ndarray, left: float) -> tuple[np.ndarray, np.ndarray]:
        """Depth below the skin in mm, and the position along it in mm."""
        across = (x - left - self._half_width) / self._half_width
        down = (y - self._centre_y) / self._half_height
        radius = np.hypot(across, down)
        # Distance to an ellipse, to first order: the level function over its gradient.
        gradient = np.hypot(across / self._half_width, down / self._half_height) / np.maximum(radius, 1e-6)
        return (1 - radius) / np.maximum(gradient, 1e-4), np.arctan2(down, -across) * self._half_height

    def _lay_ribs(self, canvas: _Canvas, depth: np.ndarray, along: np.ndarray, z_mm: float) -> None:
        """Ribs: a dark shell of bone around marrow, cut at a slant between the muscles."""
        inward = depth - _SKIN_MM - self._subcutaneous_mm - 0.5 * _MUSCLE_MM
        canvas.lay("fat", 0.8 - np.abs(inward + 4))  # the layer between the muscles
        around = np.abs(along[..., None] - self._ribs - 0.5 * z_mm).min(axis=-1)
        rib = 1 - np.hypot(around / 11.0, inward / 4.8)
        canvas.lay("bone", rib * 4.8)
        canvas.lay("marrow", rib * 4.8 - 1.8)

    def _lay_belly(
        self, canvas: _Canvas, x: np.ndarray, y: np.ndarray, z_mm: float, inside_mm: np.ndarray
    ) -> None:
        """Diaphragm, liver, stomach and spleen in their fat."""
        heart = self._extent.below_at(z_mm) + self._gap_mm
        below = np.minimum(y - heart - self._slope * x - self._curve * x**2, inside_mm)
        canvas.lay("fat", below)
        canvas.lay("muscle", below - 1.5)
        canvas.lay("fat", below - 3.5)
        edge = self._liver_edge - 0.15 * z_mm + 0.35 * (y - heart) - 0.012 * (y - heart) ** 2
        liver = np.minimum(below - 4.0, edge - x)
        canvas.lay("liver", liver, spread(self._texture, x, y, 2.5))
        canvas.lay("blood", np.minimum(_tubes(self._liver_vessels, x, y, z_mm), liver - 3), 0.8)
        place = self._stomach + np.array([-0.1 * z_mm, heart - self._extent.below_at(45.0)])
        stomach = np.minimum(_ellipse(x, y, place, self._stomach_mm), below - 6)
        canvas.lay("muscle", stomach)
        canvas.lay("stomach", stomach - 3.0, spread(self._contents, x, y, 2.5))
        spleen = _ellipse(x, y, place + np.array([self._stomach_mm[0] + 24, -2]), np.array([20.0, 34.0]))
        canvas.lay("spleen", np.minimum(spleen, below - 6), spread(self._texture, x, y, 2.5))

    def _lay_back(self, canvas: _Canvas, x: np.ndarray, y: np.ndarray) -> None:
        """Descending aorta in its fat, beside the spine."""
        spine = self._aorta + np.array([self._aorta_mm + 20, 12])
        canvas.lay("fat", _ellipse(x, y, (self._aorta + spine) / 2, np.array([34.0, 26.0])))
        canvas.lay("bone", _ellipse(x, y, spine, np.array([21.0, 19.0])))
        canvas.lay("marrow", _ellipse(x, y, spine, np.array([19.0, 17.0])))
        canvas.lay("muscle", _ellipse(x, y, self._aorta, self._aorta_mm + 1.8))
        canvas.lay("blood", _ellipse(x, y, self._aorta, self._aorta_mm))


def _ellipse(x: np.ndarray, y: np.ndarray, centre: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Approximate distance in mm to the outline of an ellipse, positive inside."""
    radii = np.broadcast_to(radius, 2)
    level = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
    return (1 - level) * radii.min()


def _tubes(vessels: np.ndarray, x: np.ndarray, y: np.ndarray, z_mm: float) -> np.ndarray:
    """Distance to the nearest outline of oblique tubes of limited length, positive inside."""
    nearest = np.full(x.shape, -np.inf)
    for centre_x, centre_y, centre_z, thickest, slope_x, slope_y in vessels:
        along = z_mm - centre_z
        if abs(along) < 6 * thickest:
            radius = thickest * np.sqrt(1 - (along / (6 * thickest)) ** 2)
            across = np.hypot(x - centre_x - slope_x * along, y - centre_y - slope_y * along)
            np.maximum(nearest, radius - across, out=nearest)
    return nearest
