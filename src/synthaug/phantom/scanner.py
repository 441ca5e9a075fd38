"""The scanners: three vendors that differ as real ones do, and how they make an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class Scanner:
    """A vendor's cine protocol.

    Attributes
    ----------
    field_t, flip_deg, repetition_ms : float
        Field strength and sequence; the echo is at half the repetition time.
    spacing_mm : tuple of 2 floats
        Range of the in-plane pixel size from subject to subject.
    matrix : int
        Pixels along both in-plane axes.
    slice_thickness_mm, slice_spacing_mm : float
        Excited thickness, and distance from slice to slice (the gap is the rest).
    frames : tuple of 2 ints
        Range of the number of frames.
    sampled : tuple of 2 floats
        Part of k-space that is sampled along phase (y) and readout (x); the rest is zero-filled.
    taper : float
        Part of the sampled k-space over which it is filtered down: less ringing, more blur.
    view_sharing : float
        Weight of the neighbouring frames in each frame.
    noise : float
        Standard deviation of the noise per channel relative to the blood's signal.
    coil_fall_off : float
        0 for a corrected, even sensitivity; 1 for a bare surface coil.
    field_deviation_hz : float
        Standard deviation of the off-resonance over the chest after shimming.
    intensity, slope : float
        Stored value of bright blood, and the file's scale factor.
    storage : tuple of 3 pairs
        For the axes right, down and apex of the displayed image: the file's axis that holds it and
        its direction, as in `nibabel.orientations`. Layout ACDC stores all images as displayed.
    """

    field_t: float
    flip_deg: float
    repetition_ms: float
    spacing_mm: tuple[float, float]
    matrix: int
    slice_thickness_mm: float
    slice_spacing_mm: float
    frames: tuple[int, int]
    sampled: tuple[float, float]
    taper: float
    view_sharing: float
    noise: float
    coil_fall_off: float
    field_deviation_hz: float
    intensity: float
    slope: float
    storage: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] = ((0, 1), (1, 1), (2, 1))


#: A is Siemens-like (sharp, 1.5 T, bare surface coil), B Philips-like (interpolated to small
#: pixels and smoothed, corrected sensitivity, scaled integers, stored turned by a quarter),
#: C GE-like (3 T, lower flip angle, hence other contrast and dark bands beside the lung, larger
#: pixels, fewer frames that share views, more noise). Typical values: Campello et al.,
#: IEEE TMI 40(12), 2021, table 1; Kramer et al., J. Cardiovasc. Magn. Reson. 22:17, 2020.
SCANNERS = {
    "A": Scanner(
        field_t=1.5, flip_deg=62, repetition_ms=3.4, spacing_mm=(1.35, 1.5), matrix=156,
        slice_thickness_mm=8, slice_spacing_mm=10, frames=(25, 30), sampled=(0.82, 0.95), taper=0.25,
        view_sharing=0.0, noise=0.028, coil_fall_off=0.75, field_deviation_hz=18, intensity=260, slope=1,
    ),
    "B": Scanner(
        field_t=1.5, flip_deg=52, repetition_ms=3.6, spacing_mm=(1.2, 1.3), matrix=176,
        slice_thickness_mm=8, slice_spacing_mm=10, frames=(24, 30), sampled=(0.58, 0.66), taper=0.6,
        view_sharing=0.1, noise=0.035, coil_fall_off=0.15, field_deviation_hz=22, intensity=900, slope=0.25,
        storage=((1, -1), (0, 1), (2, 1)),
    ),
    "C": Scanner(
        field_t=3.0, flip_deg=48, repetition_ms=2.9, spacing_mm=(1.6, 1.8), matrix=132,
        slice_thickness_mm=8, slice_spacing_mm=9, frames=(20, 25), sampled=(0.8, 0.95), taper=0.45,
        view_sharing=0.18, noise=0.05, coil_fall_off=0.45, field_deviation_hz=40, intensity=2400, slope=1,
    ),
}  # fmt: skip


def acquire(
    magnetisation: np.ndarray,
    sensitivity: np.ndarray,
    scanner: Scanner,
    blood: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Image that the scanner makes of the magnetisation in its field of view.

    The neighbouring frames mix, the coil weights, complex white noise is added, k-space is cut
    and filtered, and the magnitude is taken: so the noise is Rician and as smooth as the image.

    Parameters
    ----------
    magnetisation : ndarray, complex64, shape (t, z, y, x)
        Transverse magnetisation at the echo, averaged over each voxel.
    sensitivity : ndarray, shape (z, y, x)
        Of the coil, about 1 at the heart.
    scanner : Scanner
        The protocol.
    blood : float
        Magnitude of the blood's signal, to which noise and intensity refer.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray, float32, shape (t, z, y, x)
        Intensities in the scanner's units.

    References
    ----------
    Gudbjartsson and Patz, Magn. Reson. Med. 34, 1995 (Rician noise).
    """
    share = scanner.view_sharing
    image = (1 - 2 * share) * magnetisation
    if share:
        for neighbour in range(-1, len(image) - 1):
            image[neighbour + 1] += share * (
                magnetisation[neighbour] + magnetisation[neighbour + 2 - len(image)]
            )
    image *= (sensitivity / blood).astype(np.float32)
    noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * np.float32(scanner.noise)
    image += noise[0] + 1j * noise[1]
    window = np.outer(
        *(
            k_space_window(size, part, scanner.taper)
            for size, part in zip(image.shape[2:], scanner.sampled, strict=True)
        )
    ).astype(np.float32)
    spectrum = fft.fft2(image, axes=(2, 3), overwrite_x=True, workers=1)
    spectrum *= window
    return np.abs(fft.ifft2(spectrum, axes=(2, 3), overwrite_x=True, workers=1)) * np.float32(
        scanner.intensity
    )


def k_space_window(size: int, sampled: float, taper: float) -> np.ndarray:
    """Filter over one axis of k-space, in the order of the fast Fourier transform.

    Parameters
    ----------
    size : int
        Number of samples.
    sampled : float
        Part of them that is measured; 0 beyond.
    taper : float
        Part of the measured ones over which a raised cosine leads from 1 down to 0.

    Returns
    -------
    ndarray, shape (size,)
    """
    frequency = np.abs(fft.fftfreq(size)) * 2 / sampled  # 1 at the edge of what is measured
    inside = np.clip((1 - frequency) / taper, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * inside)
