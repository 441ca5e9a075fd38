"""Pictures of the figures of papers: boxes around a region, notes below a map, surfaces of a beating heart."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from synthaug.labels import LV, MYO
from synthaug.metrics.interpolated_mesh import interpolated_mesh
from synthaug.report.plots import images, synthesis
from synthaug.report.plots.meshes import MeshFrame, mesh_sequence

RED = (230, 60, 60)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_box_lies_a_voxel_around_its_region_and_none_around_an_empty_one():
    image, region = np.zeros((10, 12)), np.zeros((10, 12), bool)
    region[4:6, 3:8] = True
    png = images.montage([[(image, None), (image, None)]], 3, [[region, np.zeros_like(region)]])
    red = (pixels(png) == RED).all(axis=-1)
    rows, columns = np.nonzero(red)
    assert (rows.min(), rows.max() + 1) == (3 * 3, 7 * 3)
    assert (columns.min(), columns.max() + 1) == (2 * 3, 9 * 3)
    assert not red[3 * 4 : 3 * 6, 3 * 3 : 3 * 8].any()
    assert red.sum() == (12 * 21) - (8 * 17)  # two pixels wide


def test_a_box_ends_at_the_picture():
    png = images.montage([[(np.zeros((6, 6)), None)]], 2, [[np.ones((6, 6), bool)]])
    red = (pixels(png) == RED).all(axis=-1)
    assert red.shape == (12, 12) and red[0].all() and red[:, -1].all() and not red[2:-2, 2:-2].any()


def test_a_map_that_stands_alone_has_a_note_and_others_have_none():
    points = pd.DataFrame({"set": ["real", "synthetic"], "x": [0.0, 1.0], "y": [1.0, 0.0]})
    assert "axes of its own" in synthesis.feature_map(points, "axes of its own")
    assert "axes of its own" not in synthesis.feature_map(points)


def shell(inner: float, outer: float) -> tuple:
    """Surfaces of the cavity and of the whole of a small sphere."""
    far = np.add.outer(
        np.arange(-4, 5) ** 2, np.add.outer(np.arange(-9, 10) ** 2, np.arange(-9, 10) ** 2) / 4
    )
    return tuple(interpolated_mesh(far < radius**2, (4.0, 2.0, 2.0), 4.0) for radius in (inner, outer))


def seen(png: bytes, tone: tuple[int, int, int]) -> list[int]:
    """Width in pixels, of each of two frames, of what is tinted like a tone."""
    picture = pixels(png).astype(float)[40:]
    direction = np.array(tone, float) - np.mean(tone)
    tinted = (picture - picture.mean(axis=-1, keepdims=True)) @ direction / np.linalg.norm(direction) > 8
    return [int(half.any(axis=0).sum()) for half in np.array_split(tinted, 2, axis=1)]


def test_surfaces_have_one_scale_and_the_cavity_shows_through_the_wall():
    small, large = (MeshFrame(f"{inner}", *shell(inner, inner + 1)) for inner in (1.5, 3.0))
    png = mesh_sequence([large, small])
    whole = [int((half < 250).any(axis=(0, 2)).sum()) for half in np.array_split(pixels(png)[40:], 2, axis=1)]
    # Outer radii of 4 and 2.5, inner ones of 3 and 1.5.
    assert 0.5 < whole[1] / whole[0] < 0.75
    blue = seen(png, images.OVERLAY[LV])
    assert 0.35 < blue[1] / blue[0] < 0.65 and blue[0] < whole[0]
    amber = seen(png, images.OVERLAY[MYO])
    assert min(amber) > 0


def test_a_closed_cavity_and_a_missing_heart_leave_their_frame_empty():
    nothing = interpolated_mesh(np.zeros((2, 4, 4), bool), (4.0, 2.0, 2.0))
    _, wall = shell(1.5, 3.0)
    png = mesh_sequence([MeshFrame("closed", nothing, wall), MeshFrame("none", nothing, nothing)])
    left, right = (half for half in np.array_split(pixels(png)[40:], 2, axis=1))
    assert (left < 250).any() and (right == 255).all()
    assert (pixels(mesh_sequence([MeshFrame("", nothing, nothing)])) == 255).all()
