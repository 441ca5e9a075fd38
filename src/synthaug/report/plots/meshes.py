"""Pictures of beating surfaces: a wall that light passes, and the cavity in it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from synthaug.labels import LV, MYO
from synthaug.metrics.interpolated_mesh import Mesh
from synthaug.report.plots.images import OVERLAY

#: Opacity of the cavity's and of the outer surface.
_OPAQUE, _CLEAR = 1.0, 0.25
#: Direction to the light and to the eye, in degrees above the short-axis plane and around the long axis.
_LIGHT, _EYE = (45.0, -85.0), (22.0, -60.0)
_WIDTH_IN, _HEIGHT_IN, _DPI = 1.9, 2.5, 120


class MeshFrame(NamedTuple):
    """What one frame of a sequence shows.

    Attributes
    ----------
    title : str
        Above the picture.
    endocardium, epicardium : Mesh
        Surface of the cavity, and of cavity and wall together; either may be empty.
    """

    title: str
    endocardium: Mesh
    epicardium: Mesh


def mesh_sequence(frames: Sequence[MeshFrame]) -> bytes:
    """Frames side by side, from one side, in one scale: the cavity opaque, the epicardium clear, the base on top.

    Parameters
    ----------
    frames : sequence of MeshFrame
        At least one.

    Returns
    -------
    bytes
        Colour PNG on white. A triangle is the lighter the more it faces the light.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    # The cavity first: what is seen of the epicardium lies before it.
    drawn = [[_shown(one.endocardium, LV, _OPAQUE), _shown(one.epicardium, MYO, _CLEAR)] for one in frames]
    corners = np.concatenate([triangles.reshape(-1, 3) for parts in drawn for triangles, _ in parts])
    low, high = (corners.min(axis=0), corners.max(axis=0)) if len(corners) else (np.zeros(3), np.ones(3))
    figure = Figure(figsize=(_WIDTH_IN * len(frames), _HEIGHT_IN), facecolor="white")
    FigureCanvasAgg(figure)
    for number, (frame, parts) in enumerate(zip(frames, drawn, strict=True)):
        place = (number / len(frames), 0.0, 1 / len(frames), 0.92)
        axes: Any = figure.add_axes(place, projection="3d", computed_zorder=False)
        for triangles, colours in parts:
            if len(triangles):
                # Edges close the seams of an opaque surface; on a clear one they would count twice.
                edges = colours if colours[0, 3] == _OPAQUE else "none"
                faces = Poly3DCollection(triangles, facecolors=colours, edgecolors=edges, linewidths=0.4)
                axes.add_collection3d(faces)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
        axes.set_box_aspect(high - low, zoom=1.18)
        axes.set_proj_type("ortho")
        axes.view_init(*_EYE)
        axes.set_axis_off()
        figure.text((number + 0.5) / len(frames), 0.98, frame.title, ha="center", va="top", fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def _shown(mesh: Mesh, label: int, opacity: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 3, 3) of the triangles that face the eye, x to the right, y up as displayed, z from apex to base; colours (n, 4)."""
    corners = (mesh.vertices_mm[:, ::-1] * (1, -1, -1))[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Of a closed surface whose normals point outwards this sum is positive: six times its volume.
    normals *= np.sign((corners[:, 0] * normals).sum())
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny)
    seen = normals @ _direction(*_EYE) > 0
    lit = np.clip(normals[seen] @ _direction(*_LIGHT), 0, 1)
    tones = np.array(OVERLAY[label]) / 255 * (0.45 + 0.55 * lit[:, None])
    return corners[seen], np.column_stack([tones, np.full(len(tones), opacity)])


def _direction(elevation_deg: float, azimuth_deg: float) -> np.ndarray:
    elevation, azimuth = np.deg2rad([elevation_deg, azimuth_deg])
    return np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
