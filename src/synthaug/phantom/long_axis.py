"""A four-chamber cine of a simulated person: one plane along the axis of the same heart, cut from the anatomy itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthaug.phantom import heart as anatomy
from synthaug.phantom.fields import smooth_noise
from synthaug.phantom.heart import Heart
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner, acquire
from synthaug.phantom.simulation import (
    Simulated,
    blood_of,
    extent_of,
    fields_at,
    frame_times,
    signals_of,
    volumes_of,
)
from synthaug.phantom.thorax import Thorax
from synthaug.phantom.voxels import SlicePlane, SliceSampler, row_at

#: Angle of the right ventricle around the axis, from the image's right of a displayed short axis.
_RIGHT_VENTRICLE_DEG = 176.0
#: By how much the apex points to the right of straight up: as in a plane that a scanner displays like a transverse one.
_APEX_TURN_DEG = 52.0
#: Samples of a pixel, spread over the slice's thickness and, out of step with it, along the axis.
_SAMPLES = 8
_LEVEL_MM = 1.0


@dataclass(frozen=True)
class LongAxisScan:
    """A simulated long-axis scan.

    Attributes
    ----------
    scan : Simulated
        With one slice: cine and labels have the shape (t, 1, y, x). Its true volumes are those of the whole heart.
    axes : ndarray, shape (3, 3)
        Rows: the image's right, down and through-plane directions by the right, down and apex of a displayed short axis.
    """

    scan: Simulated
    axes: np.ndarray


def simulate_long_axis(
    parameters: HeartParameters, scanner: Scanner, seed: np.random.SeedSequence
) -> LongAxisScan:
    """Scan one person along the heart's axis, through both ventricles and atria.

    Parameters
    ----------
    parameters : HeartParameters
        The person.
    scanner : Scanner
        The scanner and its protocol.
    seed : numpy.random.SeedSequence
        That of the person's short-axis scan (`synthaug.phantom.simulation.simulate`): heart and chest are the same; plane,
        timing, flow and noise are the long axis's own.

    Returns
    -------
    LongAxisScan
        The myocardium is labelled from the mitral plane on, where it is open; atria are background.
    """
    fresh = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
    # The first two of the short axis's own five streams, and three after them.
    for_heart, for_chest, *_, for_plane, for_blood, for_noise = map(np.random.default_rng, fresh.spawn(8))
    heart = Heart(parameters, for_heart)
    times, first, frame_s = frame_times(heart, scanner, for_plane)
    moments = [heart.at(time) for time in times]
    extent = extent_of(heart)
    pixel_mm = round(float(for_plane.uniform(*scanner.spacing_mm)), 4)
    plane = np.deg2rad(_RIGHT_VENTRICLE_DEG - 180 + parameters.rotation_deg + for_plane.normal(0, 5))
    lateral = np.array([np.cos(plane), np.sin(plane), 0.0])  # away from the right ventricle
    turn = np.deg2rad(_APEX_TURN_DEG + for_plane.normal(0, 4))
    along = np.array([0.0, 0.0, 1.0])
    axes = np.stack(
        [
            np.cos(turn) * lateral + np.sin(turn) * along,
            np.sin(turn) * lateral - np.cos(turn) * along,
            np.array([-np.sin(plane), np.cos(plane), 0.0]),
        ]
    )
    middle = (0.4 * (extent.right_mm - extent.left_mm)) * lateral + 0.4 * heart.length_mm * along
    middle = middle + for_plane.normal(0, 5, 2) @ axes[:2]

    side = (np.arange(scanner.matrix) - (scanner.matrix - 1) / 2) * pixel_mm
    down, right = np.meshgrid(side, side, indexing="ij")
    x, y, z = (middle[axis] + right * axes[0, axis] + down * axes[1, axis] for axis in range(3))
    off_resonance, sensitivity = fields_at(x, y, (z - middle[2])[None], scanner, extent, for_plane)
    signal = {name: values[0] for name, values in signals_of(scanner, off_resonance).items()}
    chest = Thorax(extent, parameters.fat_mm, for_chest)
    around, aorta = _paint(chest, signal, (x, y, z), pixel_mm, for_plane)

    reach = max(float(moment.radii[..., anatomy.FAT].max()) for moment in moments) + pixel_mm
    near = (np.hypot(x, y) < reach) & (z > anatomy.TOP_MM) & (z < heart.z_mm[-1])
    sampler = SliceSampler(_plane(heart, axes, (x[near], y[near], z[near]), scanner, pixel_mm), for_blood)
    in_heart = {name: signal[name][near] for name in ("blood", "myocardium", "fat")}
    flow, filling = heart.cycle.flow(times), times > heart.cycle.end_systole_s
    shape = (len(moments), 1, scanner.matrix, scanner.matrix)
    magnetisation, labels = np.empty(shape, np.complex64), np.zeros(shape, np.uint8)
    for frame, moment in enumerate(moments):
        image = around * (1 - 0.45 * flow[frame] * (not filling[frame]) * aorta)
        inside = sampler.fractions(moment)
        image[near] = sampler.magnetisation(
            inside, moment, float(flow[frame]), bool(filling[frame]), in_heart, image[near]
        )
        magnetisation[frame, 0] = image
        labels[frame, 0][near] = sampler.labels(inside)
    cine = acquire(magnetisation, sensitivity, scanner, blood_of(scanner), for_noise)
    volumes = volumes_of(moments)
    spacing_mm = (scanner.slice_thickness_mm, pixel_mm, pixel_mm)
    scan = Simulated(cine, labels, spacing_mm, frame_s, first, int(volumes["LV"].argmin()), volumes)
    return LongAxisScan(scan, axes)


def _plane(
    heart: Heart,
    axes: np.ndarray,
    place: tuple[np.ndarray, np.ndarray, np.ndarray],
    scanner: Scanner,
    pixel_mm: float,
) -> SlicePlane:
    """The pixels near the heart, each with samples over the slice's thickness and its own extent along the axis."""
    x, y, z = place
    number = np.arange(_SAMPLES)
    through = ((number + 0.5) / _SAMPLES - 0.5) * scanner.slice_thickness_mm
    along = ((number * 3 % _SAMPLES + 0.5) / _SAMPLES - 0.5) * pixel_mm
    sampled_x = x + through[:, None] * axes[2, 0]
    sampled_y = y + through[:, None] * axes[2, 1]
    turn = np.deg2rad(heart.parameters.rotation_deg)
    turned_x = sampled_x * np.cos(turn) + sampled_y * np.sin(turn)
    turned_y = sampled_y * np.cos(turn) - sampled_x * np.sin(turn)
    rows = row_at(z + along[:, None], len(heart.z_mm))
    lateral = x * axes[2, 1] - y * axes[2, 0]  # the plane's normal, a quarter turn back
    return SlicePlane(turned_x, turned_y, rows, None, pixel_mm, z, (lateral, z))


def _paint(
    chest: Thorax,
    signal: dict[str, np.ndarray],
    place: tuple[np.ndarray, np.ndarray, np.ndarray],
    pixel_mm: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Magnetisation of the chest without the heart, and the part of each pixel that is aorta, shape (y, x)."""
    x, y, z = place
    wander = [3.5 * smooth_noise(rng, x.shape, 9) for _ in range(2)]
    x, y = x + wander[0], y + wander[1]
    around = np.empty(x.shape, np.complex64)
    levels = np.round(z / _LEVEL_MM).astype(int)
    for level in np.unique(levels):  # a chest is painted across its axis
        here = levels == level
        points = (x[here], y[here])
        tissue = {name: values[here] for name, values in signal.items()}
        around[here] = chest.paint(tissue, points, points, float(level * _LEVEL_MM), pixel_mm)
    return around, chest.aorta((x, y), pixel_mm)
