"""The voxel size of a cine: which of those that its files tell is believed, and which none can be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from synthaug.data.findings import Finding, SubjectError
from synthaug.views import LONG_AXIS, OTHER, SHORT_AXIS, View

Size = tuple[float, float, float]

#: Pixels in the plane, mm. Cines are acquired at 1 to 2.5 mm and displayed at 0.5 mm and more (Kramer et al., JCMR 22:17,
#: 2020); beyond either end the unit is wrong.
PIXEL_MM = (0.3, 5.0)
#: Distance of slices, mm: 6 to 10 with gaps up to 4 (Kramer et al.), and every second slice left out.
SLICE_MM = (2.0, 30.0)
#: Slices that lie closer are those of a 3D acquisition, which covers a whole ventricle: at least this, mm.
VENTRICLE_MM = 60.0
#: Thickness of a slice, mm, where the header of a single one has none. Nothing is measured across it.
THICKNESS_MM = 8.0
#: Relative difference up to which two files say the same size.
SAME_SIZE = 0.02


def is_lost(size_mm: Sequence[float]) -> bool:
    """True for 1 x 1 x 1 mm, the default of an empty header, and for sizes that are not finite or not above 0."""
    sizes = np.asarray(size_mm, float)
    return not np.isfinite(sizes).all() or bool(sizes.min() <= 0) or bool(np.allclose(sizes, 1.0, atol=1e-3))


def is_plausible(size_mm: Sequence[float], n_slices: int, view: View = SHORT_AXIS) -> bool:
    """Whether voxels of this size (x, y, z) can be those of a short-axis cine with so many slices, or of another organ: any."""
    if view == OTHER:
        sizes = np.asarray(size_mm, float)
        return bool(np.isfinite(sizes).all() and sizes.min() > 0)
    if is_lost(size_mm):
        return False
    x, y, z = size_mm
    in_plane = all(PIXEL_MM[0] <= size <= PIXEL_MM[1] for size in (x, y))
    return in_plane and z <= SLICE_MM[1] and (z >= SLICE_MM[0] or z * n_slices >= VENTRICLE_MM)


def settle_voxel_size(
    told: Mapping[str, Size],
    others: Mapping[str, Size],
    declared: Size | None,
    n_slices: int,
    subject: str,
    file: object,
    view: View = SHORT_AXIS,
) -> tuple[Size, list[Finding]]:
    """Choose the voxel size of a cine.

    The sizes that its own header tells count first. Where they differ, or none is possible, the subject's other files on
    the same grid decide, then what the study declares.

    Parameters
    ----------
    told : mapping of str to tuple of 3 floats
        Sizes (x, y, z) in mm by where the cine's header tells them (``pixdim``, ``sform``); the first is the usual one.
    others : mapping of str to tuple of 3 floats
        The same of the subject's other files, by name.
    declared : tuple of 3 floats or None
        What the study declares, (x, y, z).
    n_slices : int
        Slices of the cine.
    subject, file
        Whose it is, for the error.
    view : {"short_axis", "long_axis", "other"}
        A long-axis slice has no distance to a next one, so that its pixels alone are judged. Of another organ any size is
        believed, 1 x 1 x 1 mm too.

    Returns
    -------
    tuple of 3 floats
        The size (x, y, z) in mm.
    list of Finding
        What was repaired.

    Raises
    ------
    SubjectError
        No size is possible, or several are and nothing decides.
    """
    if view == LONG_AXIS:
        told = {source: _with_thickness(size) for source, size in told.items()}
        others = {source: _with_thickness(size) for source, size in others.items()}
    own = _distinct(size for size in told.values() if is_plausible(size, n_slices, view))
    elsewhere = _distinct(size for size in others.values() if is_plausible(size, n_slices, view))
    spelled = ", ".join(f"{source} {_spelled(size)} mm" for source, size in told.items())
    if len(own) == 1 and all(_same(own[0], size) for size in elsewhere):
        differing = [source for source, size in told.items() if not _same(size, own[0])]
        if not differing:
            return own[0], []
        return own[0], [_repaired(told, spelled, own[0], f"from the {_source(told, own[0])}")]
    votes = [size for size in own or elsewhere if any(_same(size, other) for other in elsewhere)]
    if len(votes) == 1 and len(elsewhere) == 1:
        return votes[0], [_repaired(told, spelled, votes[0], f"from {_source(others, votes[0])}")]
    if declared is not None:
        return declared, [_repaired(told, spelled, declared, "as the study declares")]
    remedy = "declare spacing_mm of the dataset if you know it"
    if own or elsewhere:
        problem = f"the files disagree about the voxel size ({spelled}{_rest(others)})"
        raise SubjectError(
            "voxel-size-disagrees", subject, str(file), problem, f"correct the header, or {remedy}"
        )
    if all(is_lost(size) for size in told.values()):
        first = next(iter(told.values()))
        problem = f"the voxel size was lost ({_spelled(first)} mm) and no other file of the subject has it"
        raise SubjectError("voxel-size-lost", subject, str(file), problem, remedy)
    size = next(size for size in told.values() if not is_lost(size))
    problem = f"no heart has voxels of this size ({spelled}, {n_slices} slices){_unit(size, n_slices)}"
    raise SubjectError(
        "voxel-size-implausible", subject, str(file), problem, f"correct the header, or {remedy}"
    )


def _with_thickness(size_mm: Size) -> Size:
    """The size with a thickness that a slice can have; 1 x 1 x 1 mm stays what it is, lost."""
    x, y, z = size_mm
    if SLICE_MM[0] <= z <= SLICE_MM[1] or np.allclose(size_mm, 1.0, atol=1e-3):
        return size_mm
    return x, y, THICKNESS_MM


def _repaired(told: Mapping[str, Size], spelled: str, chosen: Size, source: str) -> Finding:
    remedy = f"{_spelled(chosen)} mm taken {source}"
    if all(is_lost(size) for size in told.values()):
        first = _spelled(next(iter(told.values())))
        problem = f"the cine's header lost its voxel size ({first} mm)"
    else:
        problem = f"the files do not agree about the voxel size ({spelled})"
    return Finding("voxel-size-repaired", problem, remedy)


def _unit(size: Size, n_slices: int) -> str:
    units = (
        (1000.0, "metres written as mm"),
        (10.0, "centimetres written as mm"),
        (0.001, "micrometres or mm written as metres"),
    )
    for factor, wrong in units:
        x, y, z = (factor * length for length in size)
        if is_plausible((x, y, z), n_slices):
            return f", {_spelled((x, y, z))} mm would be possible: {wrong}"
    return ""


def _rest(others: Mapping[str, Size]) -> str:
    return "".join(f", {name} {_spelled(size)} mm" for name, size in list(others.items())[:3])


def _source(sizes: Mapping[str, Size], chosen: Size) -> str:
    return next(source for source, size in sizes.items() if _same(size, chosen))


def _distinct(sizes: Iterable[Size]) -> list[Size]:
    kept: list[Size] = []
    for size in sizes:
        if not any(_same(size, other) for other in kept):
            kept.append(size)
    return kept


def _same(first: Sequence[float], second: Sequence[float]) -> bool:
    return all(
        math.isfinite(a) and math.isfinite(b) and math.isclose(a, b, rel_tol=SAME_SIZE)
        for a, b in zip(first, second, strict=True)
    )


def _spelled(size: Sequence[float]) -> str:
    return " x ".join(f"{length:.3g}" for length in size)
