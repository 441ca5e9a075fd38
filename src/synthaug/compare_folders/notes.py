"""Notes of a comparison of two folders: processing of the cines, and limitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthaug.compare_folders.cohorts import PERCENTILES, CineFolder, VoxelGrid, shortened, spelled
from synthaug.data.voxel_size import is_lost
from synthaug.features.files import FeatureSet

if TYPE_CHECKING:
    from synthaug.models.weights import Header


def folder_notes(sides: tuple[CineFolder, CineFolder]) -> list[str]:
    """Notes on the files: processing, exclusions and overlap of the two folders."""
    notes = []
    for role, folder in zip(("REAL", "SYNTHETIC"), sides, strict=True):
        if folder.kind == "plain":
            low, high = (f"{value:g}" for value in PERCENTILES)
            notes.append(
                f"{role}: intensities were scaled cine by cine, percentiles {low} and {high} to 0 and 1, and clipped; "
                "orientation is that of the files."
            )
        elif folder.kind != role.lower():
            notes.append(f"{role}: its cohort.json says it is {folder.kind}.")
        for reason, names in folder.left_out.items():
            notes.append(f"{role}: left out, {reason}: {shortened(names)}.")
    if (sides[0].kind == "plain") != (sides[1].kind == "plain"):
        notes.append(
            "One side is a cohort, scaled and cropped by harmonisation, the other is not: this may contribute to "
            "the distance."
        )
    real_files = {cine.sha256 for cine in sides[0].cines}
    copies = sum(cine.sha256 in real_files for cine in sides[1].cines)
    if copies:
        notes.append(
            f"{copies} of {len(sides[1].cines)} synthetic files are byte-identical copies of real ones: "
            "their distances are not evidence of quality."
        )
    return notes


def grid_notes(sides: tuple[CineFolder, CineFolder], grid: VoxelGrid) -> list[str]:
    """Notes on the common voxel grid."""
    notes = []
    pixels = spelled(grid.matrix[1:])
    for role, folder in zip(("REAL", "SYNTHETIC"), sides, strict=True):
        n = len(folder.cines)
        if grid.resample:
            other = sum(
                cine.shape[0] != grid.frames
                or not np.allclose(cine.spacing_mm[1:], grid.spacing_mm[1:], rtol=1e-3)
                for cine in folder.cines
            )
            if other:
                notes.append(
                    f"{role}: {other} of {n} cines were resampled to {spelled(grid.spacing_mm[1:])} mm in the plane and "
                    f"{grid.frames} frames, the median of REAL; slices are unchanged."
                )
        else:
            other = sum(cine.shape[2:] != grid.matrix[1:] for cine in folder.cines)
            if other:
                notes.append(
                    f"{role}: {other} of {n} cines were cropped or padded with 0 around the middle to "
                    f"{pixels} pixels."
                )
        if any(is_lost(cine.spacing_mm) for cine in folder.cines):
            notes.append(
                f"{role}: headers have the default voxel size 1 x 1 x 1 mm; sizes cannot be compared."
            )
    if grid.resample:
        distances = sorted({round(cine.spacing_mm[0], 2) for folder in sides for cine in folder.cines})
        notes.append(f"All cines are cropped or padded with 0 to {pixels} pixels.")
        if len(distances) > 1:
            notes.append(
                f"Slice distances are {distances[0]:g} to {distances[-1]:g} mm and are not resampled; FVD-S and F4D depend on them."
            )
    return notes


def extractor_notes(
    features: FeatureSet, header: Header | None, sides: tuple[CineFolder, CineFolder], grid: VoxelGrid
) -> list[str]:
    """Notes on the extractor: measures it cannot give, and its training subjects."""
    if "temporal" not in features.features:
        return [
            "The network sees single images: no FVD-T, FVD-S, F4D, precision, recall, density or coverage."
        ]
    if "frames" not in features.features:
        return ["The network sees clips only: no FID and no KID."]
    if header is None:
        return [
            "The extractor was trained on the real cines themselves: reference and extractor share subjects, so "
            "that even other real subjects would lie a little above the floor."
        ]
    notes = []
    shared = len(set(header.seen) & {cine.subject for cine in sides[0].cines})
    if shared:
        notes.append(
            f"The extractor was trained on {shared} of the {len(sides[0].cines)} real subjects: reference and extractor "
            "share them, so that even other real subjects would lie a little above the floor."
        )
    if not np.allclose(header.grid["spacing_mm"], grid.spacing_mm, rtol=1e-3):
        notes.append(
            f"The extractor was trained on voxels of {spelled(tuple(header.grid['spacing_mm']))} mm, these cines have "
            f"{spelled(grid.spacing_mm)} mm (z x y x x)."
        )
    return notes
