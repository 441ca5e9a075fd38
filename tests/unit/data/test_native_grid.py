"""The way back to the voxel grid that a patient was imaged on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthaug.data.native_grid import NativeGrid, read_native, write_native
from synthaug.labels import LV, MYO

UNTURNED = {"transpose": False, "flip_x": False, "flip_y": False, "apex_first": False}


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.stack([labels == label for label in range(4)]).astype(np.float32)


def grid(shape: tuple[int, int, int], origin: tuple[float, float, float], step: float = 1.0) -> NativeGrid:
    return NativeGrid(shape, (10.0, 1.5, 1.5), origin, (1.0, step, step), UNTURNED)


def test_a_window_of_own_voxels_goes_back_where_it_was() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (3, 6, 5))
    back = grid((5, 12, 11), (1, 4, 2)).labels_from(one_hot(labels))
    assert np.array_equal(back[1:4, 4:10, 2:7], labels)
    back[1:4, 4:10, 2:7] = 0
    assert not back.any()


def test_what_the_window_misses_is_background() -> None:
    back = grid((2, 8, 8), (0, -3, 0)).labels_from(one_hot(np.full((1, 8, 8), LV)))
    assert (back[0, :5] == LV).all() and not back[0, 5:].any() and not back[1].any()


def test_beyond_the_field_of_view_the_window_is_padded() -> None:
    # Columns -3 to 4 of a file of 8, rows 0.5, 2.5, 4.5 and 6.5 of one of 6.
    assert grid((2, 6, 8), (0, 0, -3)).imaged((2, 6, 8)) == (slice(0, 6), slice(3, 8))
    assert grid((2, 6, 8), (0, 0.5, 0), step=2).imaged((2, 4, 4)) == (slice(0, 3), slice(0, 4))


def test_probabilities_add_up_to_one_in_and_out_of_the_window() -> None:
    uniform = np.full((4, 1, 8, 8), 0.25, np.float32)
    back = grid((2, 8, 8), (0, -3, 0)).probabilities_from(uniform)
    assert back.sum(axis=0) == pytest.approx(1)
    assert (back[:, 0, :5] == 0.25).all() and (back[0, 0, 5:] == 1).all() and (back[0, 1] == 1).all()


def test_the_most_probable_class_between_two_voxels() -> None:
    probabilities = np.zeros((4, 1, 1, 2), np.float32)
    probabilities[:, 0, 0, 0] = (0.0, 0.6, 0.4, 0.0)
    probabilities[:, 0, 0, 1] = (0.0, 0.1, 0.9, 0.0)
    # Native voxels lie at 0, 1/4, 1/2, 3/4 and 1 of the way: LV has .6, .475, .35; MYO .4, .525, .65.
    back = grid((1, 1, 5), (0, 0, 0), step=4).labels_from(probabilities)[0, 0]
    assert back.tolist() == [LV, MYO, MYO, MYO, MYO]


def test_a_disc_of_coarse_voxels_keeps_its_area() -> None:
    y, x = np.indices((40, 40)) - 19.5
    fine = np.indices((80, 80)) - 39.5
    coarse = np.where(np.hypot(y, x) < 12, LV, 0)[None]
    back = grid((1, 80, 80), (0, 0.5, 0.5), step=2).labels_from(one_hot(coarse))
    truth = np.hypot(*fine) < 24
    assert abs(int((back[0] == LV).sum()) - int(truth.sum())) < 0.01 * truth.sum()
    assert ((back[0] == LV) ^ truth).sum() < 0.04 * truth.sum()


def test_volumes_are_of_what_the_grid_covers_of_each_native_voxel() -> None:
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[:, 2:6, 2:6] = LV  # 16 voxels a slice, each of 22.5 mm3
    own = grid((3, 8, 8), (1, 0, 0.5), step=1.5)  # its second slice; columns from -0.25
    assert own.extent((1, 4, 3)) == ((0.5, 1.5), (-0.75, 5.25), (-0.25, 4.25))
    # Rows 2 to 4 and 3/4 of the fifth, columns 2 and 3 and 3/4 of the fourth.
    assert own.volumes_within(labels, (1, 4, 3))["LV"] == pytest.approx(3.75 * 2.75 * 22.5e-3)
    assert own.volumes_within(labels, (2, 5, 5)) == pytest.approx({"LV": 2 * 16 * 22.5e-3, "MYO": 0, "RV": 0})


@pytest.mark.parametrize("labels", [{}, {0: np.full((2, 8, 8), MYO), 5: np.zeros((2, 8, 8), int)}])
def test_what_is_written_is_read_again(tmp_path: Path, labels: dict[int, np.ndarray]) -> None:
    own = grid((2, 8, 8), (0.0, -1.25, 0.5), step=1.2)
    assert read_native(tmp_path) is None
    hashes = write_native(tmp_path, own, labels)
    assert len(hashes) == (2 if labels else 1)
    found = read_native(tmp_path)
    assert found is not None and found.grid == own and found.labels.keys() == labels.keys()
    assert all(np.array_equal(found.labels[frame], labels[frame]) for frame in labels)
