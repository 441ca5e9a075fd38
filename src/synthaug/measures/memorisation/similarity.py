"""Similarity of cines, whatever their position, orientation, contrast and first frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch.nn import functional

from synthaug.config.geometry import GeometrySettings
from synthaug.data.cohort import Cohort
from synthaug.models.geometry import Geometry

_DEPTHS = 3  # thirds of the stack, in which hearts of any number of slices compare
_SIDE = 32  # pixels a side, in which cines are moved
_COMPARED = _SIDE // 2  # pixels a side, in which they are compared: coarse enough to forgive half a step
_BLOCK = 4096  # queries that are brought to unit length at once
_REAL_NUMBERS = 2**28  # of one product, so that it needs about a gigabyte


@dataclass(frozen=True)
class Search:
    """Movements in which two cines are compared, beside mirror images, quarter turns and shifts in time.

    Attributes
    ----------
    reach : int
        Largest shift along either axis, in pixels of a descriptor.
    angles_deg : tuple of float
        Rotations around every quarter turn.
    scales : tuple of float
        Enlargements.
    """

    reach: int = 2
    angles_deg: tuple[float, ...] = (-24, -16, -8, 0, 8, 16, 24)
    scales: tuple[float, ...] = (0.94, 1, 1.06)

    @classmethod
    def covering(cls, limits: GeometrySettings, side: int) -> Search:
        """Search that finds every movement within the limits, of cines with a plane of `side` voxels.

        A rotation of 20 degrees and a tilt of 5, or 9 % of scale, are within half a step of one that is searched.
        """
        scale = 2 * limits.scale / 3
        return cls(
            max(cls.reach, int(np.ceil(limits.shift_voxels * _SIDE / side))),
            cls.angles_deg if limits.rotation_degrees <= 24 else (-40, -32, *cls.angles_deg, 32, 40),
            (1 - scale, 1, 1 + scale) if scale > 0 else (1,),
        )


def describe_cines(cohort: Cohort, subjects: Iterable[str]) -> np.ndarray:
    """Small descriptors of cines, one cine in memory at a time.

    Returns
    -------
    ndarray, shape (n, 3, 3, 32, 32), float32
        See `describe_cine`.
    """
    return np.stack([describe_cine(cohort.cine(subject)) for subject in subjects])


def describe_queries(cohort: Cohort, subjects: Sequence[str]) -> np.ndarray:
    """What `similarity` needs of cines that are not moved themselves: a quarter of `describe_cines`.

    Returns
    -------
    ndarray, shape (n, 3, 3, 16, 16), float32
    """
    found = np.empty((len(subjects), 3, _DEPTHS, _COMPARED, _COMPARED), np.float32)
    for number, subject in enumerate(subjects):
        found[number] = as_queries(describe_cine(cohort.cine(subject))[None])[0]
    return found


def as_queries(descriptors: np.ndarray) -> np.ndarray:
    """Descriptors (n, 3, 3, 32, 32) in the pixels in which they are compared, (n, 3, 3, 16, 16)."""
    maps = functional.avg_pool2d(_maps(torch.from_numpy(descriptors)), 2)
    return np.asarray(rearrange(maps, "n (part z) y x -> n part z y x", part=3))


def describe_cine(cine: np.ndarray) -> np.ndarray:
    """Mean over time and first temporal harmonic of every pixel.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Of its plane the largest central square is taken.

    Returns
    -------
    ndarray, shape (3, 3, 32, 32), float32
        Mean, real and imaginary part of the harmonic, times the square root of 2 (its share of the energy over time);
        thirds of the stack; blocks of the plane.
    """
    *_, y, x = cine.shape
    side = min(y, x)
    cine = cine[..., (y - side) // 2 : (y + side) // 2, (x - side) // 2 : (x + side) // 2]
    moments = np.fft.rfft(cine, axis=0)[:2] / len(cine)
    # Two frames and fewer have no first harmonic with a phase.
    wave = np.sqrt(2) * moments[1] if len(cine) > 2 else np.zeros(cine.shape[1:], complex)
    parts = np.stack([moments[0].real, wave.real, wave.imag]).astype(np.float32)
    pooled = functional.adaptive_avg_pool3d(torch.from_numpy(parts), (_DEPTHS, _SIDE, _SIDE))
    return np.asarray(pooled)


def mean_image(descriptors: np.ndarray) -> np.ndarray:
    """What cines have in common: the mean over subjects of their standardised mean over time.

    Parameters
    ----------
    descriptors : ndarray, shape (n, 3, 3, 32, 32)

    Returns
    -------
    ndarray, shape (3, 32, 32)
    """
    static = descriptors[:, 0].astype(np.float64)
    centred = static - static.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray((centred / _positive(centred.std(axis=(1, 2, 3), keepdims=True))).mean(axis=0))


def similarity(
    queries: np.ndarray, references: np.ndarray, centre: np.ndarray, search: Search | None = None
) -> np.ndarray:
    """Largest correlation of each query with each reference over what keeps a patient the same.

    Parameters
    ----------
    queries : ndarray, shape (n, 3, 3, 32, 32) or (n, 3, 3, 16, 16)
        From `describe_cines` or, smaller and with the same result, `describe_queries`.
    references : ndarray, shape (m, 3, 3, 32, 32)
        From `describe_cines`.
    centre : ndarray, shape (3, 32, 32)
        From `mean_image`. It is subtracted first, because what all hearts have in common would make every pair
        similar.
    search : Search, optional
        Movements of the references.

    Returns
    -------
    ndarray, shape (n, m)
        Correlation of mean image and first temporal harmonic in a central disc, at most 1: the largest over
        mirror images, quarter turns, the movements of the search, and any shift in time. Brightness and contrast do
        not count.

    Notes
    -----
    A shift in time multiplies the harmonic by a phase, so that the best one is the modulus of a complex product: no
    search. Movements of the references are searched exhaustively by matrix products: by default 3 scales of 56
    orientations of 41 shifts. Cost: ``benchmarks/memorisation.py``.

    References
    ----------
    Dar et al., Unconditional latent diffusion models memorize patient imaging data, 2024, judge copies by
    correlation in a learned space that is invariant to flips and rotations; here nothing is learned.
    """
    search = search or Search()
    reach, disc = search.reach, _disc(search.reach)
    common = torch.from_numpy(centre.astype(np.float32))
    centre_in_disc = functional.avg_pool2d(common, 2).flatten(-2)[:, disc].flatten()
    parts = [
        _unit(_maps(torch.from_numpy(_pooled(block))).flatten(-2)[..., disc], centre_in_disc)
        for block in np.array_split(queries, max(1, -(-len(queries) // _BLOCK)))
    ]
    static, wave = (torch.cat(each) for each in zip(*parts, strict=True))
    best = torch.full((len(queries), len(references)), -torch.inf)
    shifts = (2 * reach + 1) ** 2 + (2 * reach) ** 2
    rows = max(1, _REAL_NUMBERS // (4 * shifts * max(1, len(references))))
    for view in _views(torch.from_numpy(references), search):
        views = torch.cat([part.flatten(-2).index_select(-1, disc) for part in _shifted(view, reach)])
        other_static, other_wave = _unit(views, centre_in_disc)
        for start in range(0, len(queries), rows):
            part = slice(start, start + rows)
            found = static[part] @ other_static.T + (wave[part] @ other_wave.mH).abs()
            found = rearrange(found, "query (shift reference) -> query shift reference", shift=shifts)
            best[part] = torch.maximum(best[part], found.amax(dim=1))
    return best.numpy().astype(np.float64).clip(max=1)


def _pooled(queries: np.ndarray) -> np.ndarray:
    return queries if queries.shape[-1] == _COMPARED else as_queries(queries)


def _views(references: torch.Tensor, search: Search) -> Iterator[torch.Tensor]:
    """The references (n, 9, 32, 32) in every scale and orientation."""
    for scale, angle in itertools.product(search.scales, search.angles_deg):
        turned = Geometry(rotation=float(np.deg2rad(angle)), scale=scale).apply(_maps(references))
        for quarter in range(4):
            view = torch.rot90(turned, quarter, dims=(-2, -1))
            yield view
            yield view.flip(-1)


def _shifted(maps: torch.Tensor, reach: int) -> Iterator[torch.Tensor]:
    """Maps (n, 9, 32, 32) at every shift, pooled to the pixels in which they are compared."""
    padded = functional.pad(maps, (reach,) * 4, mode="replicate")
    pooled = functional.avg_pool2d(padded, 2, stride=1)
    # Between whole steps also the middle of every four: a shift by half a step along both axes is found.
    for steps, at in ((2 * reach + 1, pooled), (2 * reach, functional.avg_pool2d(pooled, 2, stride=1))):
        for y, x in itertools.product(range(steps), repeat=2):
            yield at[..., y : y + _SIDE : 2, x : x + _SIDE : 2]


def _maps(descriptors: torch.Tensor) -> torch.Tensor:
    return rearrange(descriptors, "n part z y x -> n (part z) y x")


def _disc(reach: int) -> torch.Tensor:
    """Indices of the pixels (16 x 16) that stay in the image however it is turned and shifted."""
    offsets = torch.arange(_COMPARED) - (_COMPARED - 1) / 2
    radius = max(3.0, _COMPARED / 2 - reach / 2 - 0.5)
    return torch.nonzero((torch.hypot(offsets[:, None], offsets) <= radius).flatten())[:, 0]


def _unit(maps: torch.Tensor, centre: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised mean images less the centre, and complex harmonics (n, z pixels), together of unit length."""
    static, real, imaginary = rearrange(maps, "n (part z) p -> part n (z p)", part=3)
    static = static - static.mean(dim=1, keepdim=True)
    spread = (static**2).mean(dim=1, keepdim=True).sqrt().clamp(min=1e-6)
    centre = centre - centre.mean()
    static, wave = static / spread - centre, torch.complex(real, imaginary) / spread
    length = torch.sqrt((static**2).sum(1, keepdim=True) + (wave.abs() ** 2).sum(1, keepdim=True))
    length = length.clamp(min=1e-6)
    return static / length, wave / length


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 1)
