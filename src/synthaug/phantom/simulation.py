"""One subject: person and scanner in, cine, labels and the truth out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthaug.phantom import heart as anatomy
from synthaug.phantom.fields import smooth_noise
from synthaug.phantom.heart import Heart, Layers
from synthaug.phantom.left_ventricle import ANGLES
from synthaug.phantom.population import HeartParameters
from synthaug.phantom.scanner import Scanner, acquire
from synthaug.phantom.thorax import Extent, Thorax
from synthaug.phantom.tissue import TISSUES, steady_state_signal
from synthaug.phantom.voxels import SliceSampler, plane_of_slice

_SUB_SLICES = 6
_MAX_SLICES = 12


@dataclass(frozen=True)
class Simulated:
    """One simulated scan.

    Attributes
    ----------
    cine : ndarray, float32, shape (t, z, y, x)
        Intensities in the scanner's units; slice 0 is basal, right ventricle left, anterior up.
    labels : ndarray, uint8, shape (t, z, y, x)
        Canonical labels of every frame: what fills most of the voxel.
    spacing_mm : tuple of 3 floats
        Distance between voxels (z, y, x).
    frame_duration_s : float
        Time between frames.
    ed_frame, es_frame : int
        Counted from 0.
    volumes_ml : dict of str to ndarray, shape (t,)
        True volumes of LV, MYO and RV from the anatomy, whatever the slices catch of it.
    """

    cine: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]
    frame_duration_s: float
    ed_frame: int
    es_frame: int
    volumes_ml: dict[str, np.ndarray]

    def label_volume_ml(self, label: int, frame: int) -> float:
        """Volume in mL that the labels of a frame measure."""
        return float((self.labels[frame] == label).sum() * np.prod(self.spacing_mm) / 1000)


@dataclass(frozen=True)
class _Stack:
    """Where the slices lie relative to the heart, in mm."""

    pixel_mm: float
    slice_z: np.ndarray  # (z,) centres
    offsets_z: np.ndarray  # (sub-slices,) within a slice
    centre: np.ndarray  # (2,) x, y of the long axis in the field of view
    shifts: np.ndarray  # (z, 2) breath-hold displacement of each slice
    tilt: np.ndarray  # (2,) slope of the slices against the long axis


def simulate(
    parameters: HeartParameters, scanner: Scanner, seed: int | np.random.SeedSequence, visit: int = 0
) -> Simulated:
    """Scan one person.

    Parameters
    ----------
    parameters : HeartParameters
        The person.
    scanner : Scanner
        The scanner and its protocol.
    seed : int or numpy.random.SeedSequence
        Determines all that is left to chance: details of the anatomy, positioning, noise.
    visit : int
        Visits differ in their noise alone, so that the scans of one person by two scanners differ in what these do: the same
        anatomy and, where the distance of slices is the same (A and B), the same slices.

    Returns
    -------
    Simulated
        Cine, labels and true volumes; the same for the same arguments.
    """
    seeds = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    for_heart, for_chest, for_stack, for_blood, for_noise = map(np.random.default_rng, seeds.spawn(5))
    if visit:
        for_noise = for_noise.spawn(visit)[-1]
    heart = Heart(parameters, for_heart)
    times, first, frame_s = frame_times(heart, scanner, for_stack)
    moments = [heart.at(time) for time in times]
    extent = extent_of(heart)
    stack = _place_slices(heart, scanner, extent, for_stack)
    x, y = _pixel_grid(stack, scanner.matrix)
    z = (stack.slice_z - stack.slice_z.mean())[:, None, None]
    off_resonance, sensitivity = fields_at(x, y, z, scanner, extent, for_stack)
    signal = signals_of(scanner, off_resonance)
    chest = Thorax(extent, parameters.fat_mm, for_chest)
    magnetisation, labels = _image_beat(moments, heart, times, chest, stack, scanner, signal, for_blood)
    cine = acquire(magnetisation, sensitivity, scanner, blood_of(scanner), for_noise)
    volumes = volumes_of(moments)
    spacing = (scanner.slice_spacing_mm, stack.pixel_mm, stack.pixel_mm)
    return Simulated(cine, labels, spacing, frame_s, first, int(volumes["LV"].argmin()), volumes)


def frame_times(heart: Heart, scanner: Scanner, rng: np.random.Generator) -> tuple[np.ndarray, int, float]:
    """Time of each frame after ED (t,), the frame that shows ED, and the time between frames, s."""
    n_frames = int(rng.integers(scanner.frames[0], scanner.frames[1] + 1))
    frame_s = heart.cycle.duration_s / n_frames
    # Three scans in ten start somewhere in the beat rather than at its trigger.
    first = int(rng.integers(1, n_frames)) if rng.random() < 0.3 else 0
    return np.mod(np.arange(n_frames) - first, n_frames) * frame_s, first, frame_s


def signals_of(scanner: Scanner, off_resonance: np.ndarray) -> dict[str, np.ndarray]:
    """Signal of every tissue where the field is off by so much, in the shape of that."""
    return {
        name: steady_state_signal(
            tissue, scanner.field_t, scanner.flip_deg, scanner.repetition_ms, off_resonance
        )
        for name, tissue in TISSUES.items()
    }


def blood_of(scanner: Scanner) -> float:
    """Signal of resting blood without field error."""
    return float(
        abs(steady_state_signal(TISSUES["blood"], scanner.field_t, scanner.flip_deg, scanner.repetition_ms))
    )


def volumes_of(moments: Sequence[Layers]) -> dict[str, np.ndarray]:
    """True volumes of LV, MYO and RV at every moment, ml."""
    return {name: np.array([moment.volumes_ml[name] for moment in moments]) for name in ("LV", "MYO", "RV")}


def extent_of(heart: Heart) -> Extent:
    """Room the heart needs around its axis at end-diastole."""
    angles = ANGLES + np.deg2rad(heart.parameters.rotation_deg)
    outer = heart.at(0.0).radii[..., anatomy.FAT]
    x, y = outer * np.cos(angles), outer * np.sin(angles)
    below = np.where(np.abs(x) < 40, y, -np.inf).max(axis=1)
    # Beyond base and apex the diaphragm goes on as it was.
    ventricle = (heart.z_mm > 0) & (heart.z_mm < 0.9 * heart.length_mm)
    line = np.polynomial.Polynomial.fit(heart.z_mm[ventricle], below[ventricle], 2)
    levels = np.clip(heart.z_mm, 0, 0.9 * heart.length_mm)
    return Extent(float(-x.min()), float(x.max()), heart.z_mm, line(levels))


def _place_slices(heart: Heart, scanner: Scanner, extent: Extent, rng: np.random.Generator) -> _Stack:
    """Plan the stack as an operator does: first slice at the mitral plane, last at the apex."""
    spacing = scanner.slice_spacing_mm
    first = spacing / 2 + float(np.clip(rng.normal(0, 0.1 * spacing), -0.2 * spacing, 0.2 * spacing))
    count = int(np.ceil((heart.length_mm - first) / spacing))
    above, beyond = (int(rng.random() < chance) for chance in (0.25, 0.3))
    above = min(above, max(_MAX_SLICES - count, 0))
    beyond = min(beyond, max(_MAX_SLICES - count - above, 0))
    positions = first + spacing * np.arange(-above, count + beyond)
    through_plane = np.clip(rng.normal(0, 0.7, len(positions)), -1.5, 1.5)
    centre = np.array([0.4 * (extent.left_mm - extent.right_mm), -6.0])
    return _Stack(
        pixel_mm=round(float(rng.uniform(*scanner.spacing_mm)), 4),
        slice_z=positions + through_plane,
        offsets_z=((np.arange(_SUB_SLICES) + 0.5) / _SUB_SLICES - 0.5) * scanner.slice_thickness_mm,
        centre=centre + np.clip(rng.normal(0, 7, 2), -15, 15),
        shifts=np.clip(rng.normal(0, 1.3, (len(positions), 2)), -4, 4),
        tilt=np.clip(rng.normal(0, 0.04, 2), -0.1, 0.1),
    )


def _pixel_grid(stack: _Stack, matrix: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates in mm relative to the heart's long axis, shape (y, x) each."""
    axis = (np.arange(matrix) - (matrix - 1) / 2) * stack.pixel_mm
    y, x = np.meshgrid(axis - stack.centre[1], axis - stack.centre[0], indexing="ij")
    return x, y


def fields_at(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, scanner: Scanner, extent: Extent, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Off-resonance in Hz and coil sensitivity, both smooth, shape (z, y, x).

    Parameters
    ----------
    x, y : ndarray, shape (y, x)
        Pixel coordinates in mm relative to the heart's long axis.
    z : ndarray, shape (z, 1, 1) or (1, y, x)
        Position along the axis in mm, relative to the middle of the ventricle.
    scanner, extent, rng
        The protocol, the heart's room, and the source of chance.
    """
    # The shim leaves a gradient and a curvature; the lung makes a step beside the lateral wall.
    gradient, curvature = rng.normal(0, 0.5, 3), rng.normal(0, 0.3, 2)
    deviation = (gradient[0] * x + gradient[1] * y) / 60 + gradient[2] * z / 40
    deviation = deviation + (curvature[0] * (x**2 - y**2) + curvature[1] * 2 * x * y) / 60**2
    lung = np.exp(-((x - extent.right_mm) ** 2 + (y - 0.5 * extent.below_at(45.0)) ** 2) / 22**2) * np.exp(
        -(((z - 10) / 45) ** 2)
    )
    off_resonance = scanner.field_deviation_hz * (deviation + rng.uniform(1.0, 2.5) * lung)
    # An array on the chest and one under the back; the first is nearer.
    front = 1 / (1 + ((x + extent.left_mm + 30) ** 2 + (y - 0.3 * z) ** 2) / 95**2)
    back = 0.55 / (1 + ((x - 140) ** 2 + (y - 50) ** 2) / 95**2)
    coil = (front + back) / float(np.mean((front + back)[:, np.hypot(x, y)[0:] < 30]))
    uneven = 1 + 0.05 * smooth_noise(rng, (1, scanner.matrix, scanner.matrix), (0, 28, 28))
    return off_resonance.astype(np.float32), (
        1 - scanner.coil_fall_off + scanner.coil_fall_off * coil
    ) * uneven


def _image_beat(
    moments: list[Layers],
    heart: Heart,
    times: np.ndarray,
    chest: Thorax,
    stack: _Stack,
    scanner: Scanner,
    signal: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Magnetisation and labels of all frames and slices, shape (t, z, y, x)."""
    shape = (len(moments), len(stack.slice_z), scanner.matrix, scanner.matrix)
    magnetisation, labels = np.empty(shape, np.complex64), np.zeros(shape, np.uint8)
    x, y = _pixel_grid(stack, scanner.matrix)
    reach = max(float(moment.radii[..., anatomy.FAT].max()) for moment in moments) + stack.pixel_mm
    turn = np.deg2rad(heart.parameters.rotation_deg)
    flow = heart.cycle.flow(times)
    filling = times > heart.cycle.end_systole_s
    # No outline of the chest is as regular as the formula it is drawn with.
    wander = [3.5 * smooth_noise(rng, shape[1:], (0.8, 9, 9)) for _ in range(2)]
    for index, (z, shift) in enumerate(zip(stack.slice_z, stack.shifts, strict=True)):
        organ_x, organ_y = x - shift[0], y - shift[1]
        chest_xy = (x + wander[0][index], y + wander[1][index])
        organ_xy = (organ_x + wander[0][index], organ_y + wander[1][index])
        local = {name: values[index] for name, values in signal.items()}
        around = chest.paint(local, chest_xy, organ_xy, z, stack.pixel_mm)
        aorta = chest.aorta(organ_xy, stack.pixel_mm)
        near = np.hypot(organ_x, organ_y) < reach
        near_x, near_y = organ_x[near], organ_y[near]
        plane = plane_of_slice(
            near_x * np.cos(turn) + near_y * np.sin(turn),
            near_y * np.cos(turn) - near_x * np.sin(turn),
            z + stack.offsets_z,
            stack.tilt,
            len(heart.z_mm),
            stack.pixel_mm,
        )
        sampler = SliceSampler(plane, rng)
        in_heart = {name: local[name][near] for name in ("blood", "myocardium", "fat")}
        for frame, moment in enumerate(moments):
            # Blood of the aorta runs while the ventricle empties, and loses signal then.
            image = around * (1 - 0.45 * flow[frame] * (not filling[frame]) * aorta)
            inside = sampler.fractions(moment)
            image[near] = sampler.magnetisation(
                inside, moment, float(flow[frame]), bool(filling[frame]), in_heart, image[near]
            )
            magnetisation[frame, index] = image
            labels[frame, index][near] = sampler.labels(inside)
    return magnetisation, labels
