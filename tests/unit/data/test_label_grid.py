"""Labels are brought to the cine's voxels by both affines, or refused."""

from pathlib import Path

import numpy as np
import pytest
from raw_files import affine, heart

from synthaug.data.findings import SubjectError
from synthaug.data.nifti import NiftiImage
from synthaug.data.readers.base import RawCine
from synthaug.data.readers.label_grid import on_cine_grid

VOXEL = (1.5, 1.5, 10.0)


def brought(array, matrix, cine_matrix=None, oriented=True):
    """Voxels on the cine's grid, and the codes of what was said."""
    cine = RawCine(heart()[0].T, affine() if cine_matrix is None else cine_matrix, VOXEL, {})
    read = NiftiImage(array, matrix, VOXEL, 0.0, oriented=oriented)
    back = on_cine_grid(read, cine, Path("labels.nii.gz"), "p1")
    return back.array, [finding.code for finding in cine.findings]


def reoriented(array, order, flips):
    """The array stored in another order, and the affine that says so."""
    stored = array.transpose(order)
    matrix = affine()[:, [*order, 3]]
    for axis, flip in enumerate(flips):
        if flip:
            matrix[:3, 3] += matrix[:3, axis] * (stored.shape[axis] - 1)
            matrix[:3, axis] *= -1
    return stored[tuple(slice(None, None, -1 if flip else 1) for flip in flips)], matrix


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, False), (False, True, True)])
def test_every_order_of_the_axes_comes_back(order, flips):
    labels = heart()[1][0].T
    array, matrix = reoriented(labels, order, flips)
    back, said = brought(array, matrix)
    assert np.array_equal(back, labels)
    assert said == ([] if (order, flips) == ((0, 1, 2), (False, False, False)) else ["labels-aligned"])


def test_sizes_follow_their_axes():
    grid = affine(voxel=(1.2, 1.5, 10.0))
    cine = RawCine(heart()[0].T, grid, (1.2, 1.5, 10.0), {})
    read = NiftiImage(heart()[1][0].T.transpose(2, 0, 1), grid[:, [2, 0, 1, 3]], (10.0, 1.2, 1.5), 0.0)
    back = on_cine_grid(read, cine, Path("labels.nii.gz"), "p1")
    assert back.voxel_size_mm == (1.2, 1.5, 10.0) and np.array_equal(back.affine, grid)


def test_another_place_is_refused_and_a_little_beside_is_said():
    labels = heart()[1][0].T
    beside, far = affine(), affine()
    beside[0, 3] += 0.3 * 1.5
    far[2, 3] += 20
    assert brought(labels, beside)[1] == ["labels-beside"]
    with pytest.raises(SubjectError, match=r"2\.0 voxels"):
        brought(labels, far)


def test_a_rotation_is_another_grid():
    turned = affine()
    angle = np.radians(10)
    turned[:2, :2] = (
        np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ turned[:2, :2]
    )
    with pytest.raises(SubjectError, match="another grid"):
        brought(heart()[1][0].T, turned)


def test_without_an_affine_the_stored_order_is_all_there_is():
    labels = heart()[1][0].T
    assert np.array_equal(brought(labels, np.eye(4), oriented=False)[0], labels)
