"""Displacement fields of volumes: warping, the exponential of a velocity, the Jacobian determinant. No weights.

Fields are (b, 3, z, y, x) in voxels, components in the order z, y, x. The value of a field at a voxel says how far
away from there the voxel of the warped volume is read.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def warp(volumes: Tensor, displacement: Tensor, slices: Tensor) -> Tensor:
    """Volumes read at displaced voxels, w(p) = v(p + u(p)), by trilinear interpolation.

    Parameters
    ----------
    volumes : Tensor, shape (b, c, z, y, x)
        Images, masks one-hot, or fields.
    displacement : Tensor, shape (b, 3, z, y, x)
        u, in voxels.
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists; those that do are neighbours. Nothing is read from the others, nor from beyond the
        plane: the nearest voxel that exists is.

    Returns
    -------
    Tensor, shape (b, c, z, y, x)
        float32; 0 in slices that do not exist.
    """
    b, _, z, y, x = volumes.shape
    displacement = displacement.float()  # positions in bfloat16 would be off by whole voxels
    places = torch.arange(z, device=volumes.device).view(1, z, 1, 1)
    exists = slices[:, 0] > 0
    first = torch.where(exists, places, z - 1).amin(dim=1, keepdim=True)
    last = torch.where(exists, places, 0).amax(dim=1, keepdim=True)
    depth = torch.minimum(torch.maximum(places + displacement[:, 0], first), last)
    rows = torch.arange(y, device=volumes.device).view(1, 1, y, 1) + displacement[:, 1]
    columns = torch.arange(x, device=volumes.device) + displacement[:, 2]
    # grid_sample takes positions in [-1, 1] from the first voxel's centre to the last's, and x first.
    positions = zip((columns, rows, depth), (x, y, z), strict=True)
    grid = torch.stack([2 * position / max(length - 1, 1) - 1 for position, length in positions], dim=-1)
    read = functional.grid_sample(
        volumes.float(), grid.expand(b, z, y, x, 3), padding_mode="border", align_corners=True
    )
    return read * slices


def exponential(velocity: Tensor, slices: Tensor, squarings: int) -> Tensor:
    """Displacement after following a stationary velocity for a unit of time, by scaling and squaring.

    Parameters
    ----------
    velocity : Tensor, shape (b, 3, z, y, x)
        Voxels per unit of time; 0 gives 0.
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists.
    squarings : int
        n: 2^n steps of velocity / 2^n are composed, in n compositions. With steps small against the voxels the map
        is one-to-one.

    References
    ----------
    Arsigny et al., MICCAI 2006; Dalca et al., Medical Image Analysis 57, 2019.
    """
    displacement = velocity.float() / 2**squarings
    for _ in range(squarings):
        displacement = displacement + warp(displacement, displacement, slices)
    return displacement


def enlarge(displacement: Tensor, stride: tuple[int, int]) -> Tensor:
    """A displacement on a plane that is finer by a stride (y, x), (b, 3, z, y, x) to (b, 3, z, p y, q x), linearly.

    Its in-plane components grow by the stride: they are in voxels.
    """
    p, q = stride
    factors = torch.tensor([1.0, p, q]).view(1, 3, 1, 1, 1).to(displacement.device, non_blocking=True)
    return functional.interpolate(
        displacement * factors, scale_factor=[1.0, float(p), float(q)], mode="trilinear"
    )


def jacobian_determinant(displacement: Tensor) -> Tensor:
    """Determinant of the derivative of p + u(p), (b, z - 1, y - 1, x - 1), by forward differences.

    Below 1 where the volume is read more densely than it is, 0 or less where the map folds. With a single slice, of
    the two in-plane axes: (b, 1, y - 1, x - 1).
    """
    z = displacement.shape[2]
    axes = (2, 3, 4) if z > 1 else (3, 4)
    columns = []
    for axis in axes:
        change = displacement.diff(dim=axis)
        for other in axes:
            if other != axis:
                change = change.narrow(other, 0, displacement.shape[other] - 1)
        columns.append(change.movedim(1, -1)[..., [component - 2 for component in axes]])
    jacobian = torch.stack(columns, dim=-1)
    return torch.linalg.det(jacobian + torch.eye(len(axes), device=jacobian.device))


def spatial_gradient(
    field_mm: Tensor, slices: Tensor, spacing_mm: tuple[float, float, float]
) -> tuple[Tensor, ...]:
    """Mean square of the change of a field along z, y and x, each over pairs of neighbours that exist.

    Parameters
    ----------
    field_mm : Tensor, shape (b, 3, z, y, x)
        In mm.
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    tuple of 3 Tensors, 0-d
        In mm^2 per mm^2; 0 along an axis of one voxel.
    """
    found = []
    for axis, size in zip((2, 3, 4), spacing_mm, strict=True):
        change = (field_mm.diff(dim=axis) / size).square()
        weights = slices[:, :, 1:] * slices[:, :, :-1] if axis == 2 else slices
        weights = weights.expand_as(change)
        found.append((change * weights).sum() / weights.sum().clamp(min=1))
    return tuple(found)
