"""Which label is which structure, judged by what encloses what: a left ventricle lies inside a ring of myocardium."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np

from synthaug.labels import LV, MYO, RV, STRUCTURES

#: A right ventricle borders the septum with 0.3 to 0.5 of its outline, a left one the myocardium with nearly all.
_BORDERS = 0.5
#: How much better than LV in MYO, or than a ventricle that only borders, another assignment must fit to be believed.
_CLEARLY = 0.2


def enclosed_fraction(volume: np.ndarray, inner: int, ring: int) -> float:
    """Fraction of the outline of one label, slice by slice, behind which the other begins.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        Labels; the first two axes are those of the plane.
    inner, ring : int
        The labels.

    Returns
    -------
    float
        0 to 1 over the pixels next to `inner` (by an edge) that are not `inner`; NaN without any.
    """
    mask = np.pad(volume == inner, ((1, 1), (1, 1), (0, 0)))
    padded = np.pad(volume, ((1, 1), (1, 1), (0, 0)))
    beside = np.zeros_like(mask)
    for axis in (0, 1):
        beside |= np.roll(mask, 1, axis) | np.roll(mask, -1, axis)
    beside &= ~mask
    return float((padded[beside] == ring).mean()) if beside.any() else float("nan")


def exchanged_structures(labels: Mapping[int, np.ndarray]) -> dict[str, str] | None:
    """The structures that labels are called and those they look like, where another numbering fits clearly better.

    Parameters
    ----------
    labels : mapping of int to ndarray, shape (x, y, z)
        Canonical labels of the annotated frames.

    Returns
    -------
    dict of str to str or None
        What each label should be called by what it is called, e.g. ``{"LV": "RV", "MYO": "MYO", "RV": "LV"}``, without
        structures that no frame shows; None where the labels lie as they should, or show one structure only.

    Notes
    -----
    The frames that show the most structures are judged. Two structures of which neither encloses the other are not LV
    and MYO; which they are, nothing tells.
    """
    around = [_around(volume) for volume in labels.values()]
    sets = [tuple(value for value in (LV, MYO, RV) if (volume == value).any()) for volume in around]
    present = max(sets, key=len, default=())
    if len(present) < 2:
        return None
    shown = [volume for volume, found in zip(around, sets, strict=True) if found == present]
    fits = {
        (inner, ring): float(np.nanmean([enclosed_fraction(volume, inner, ring) for volume in shown]))
        for inner, ring in permutations(present, 2)
    }
    best = max(fits, key=lambda pair: fits[pair])
    if best == (LV, MYO) or not fits[best] > fits.get((LV, MYO), _BORDERS) + _CLEARLY:
        return None
    names = {value: name for name, value in STRUCTURES.items()}
    called = dict(zip(best, ("LV", "MYO"), strict=True))
    return {names[value]: called.get(value, "RV") for value in present}


def _around(volume: np.ndarray) -> np.ndarray:
    """The part of a volume that holds all labels."""
    places = np.nonzero(volume)
    if not len(places[0]):
        return volume
    return volume[tuple(slice(place.min(), place.max() + 1) for place in places)]
