import numpy as np
import pytest

from synthaug.data.heart_localisation import centre_of_motion
from synthaug.data.orientation import (
    APEX_DIRECTION,
    X_DIRECTION,
    Y_DIRECTION,
    InPlane,
    apex_comes_first,
    in_plane_orientation,
    quarter_turns_to_canonical,
    stored_base_first,
)
from synthaug.data.resampling import (
    apply_weights,
    axis_weights,
    beat_positions,
    frames_sampled_exactly,
    resample_beat,
    resample_labels,
)

from raw_files import SIZE, affine, heart  # isort: skip

LABELS = heart()[1]


def weights_at(positions, n_source=5, step=1.0, outside=True):
    return axis_weights(n_source, np.asarray(positions, float), step, outside).toarray()


def test_weights_by_hand():
    assert np.allclose(weights_at([1]), [[0, 1, 0, 0, 0]])
    assert np.allclose(weights_at([1.25]), [[0, 0.75, 0.25, 0, 0]])
    # step sqrt(3): the linear kernel averaged over 2 around index 2, 1/2 (1 - 0) and 1/2 (1 - 1/2).
    assert np.allclose(weights_at([2], step=3**0.5), [[0, 0.25, 0.5, 0.25, 0]])


def test_beyond_the_field_of_view_is_nothing_or_the_edge():
    assert np.allclose(weights_at([-0.6, -0.4, 4.4, 4.6]).sum(axis=1), [0, 1, 1, 0])
    assert np.allclose(weights_at([-3, 7], outside=False), [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])


def test_a_line_stays_a_line_and_a_mean_stays_a_mean():
    ramp = np.arange(20, dtype=np.float32)
    positions = np.arange(3, 16, 1.7)
    assert np.allclose(apply_weights(ramp, axis_weights(20, positions, 1.7, True), 0), positions, atol=1e-5)
    stripes = np.tile([0, 1], 20).astype(np.float32)  # finer than the new grid can show
    coarse = apply_weights(stripes, axis_weights(40, np.arange(4, 36, 2.0), 2.0, True), 0)
    assert np.abs(coarse - 0.5).max() < 0.1


def test_labels_stay_labels_and_a_whole_shift_is_exact():
    weights = [axis_weights(n, np.arange(n, dtype=float), 1.0, True) for n in LABELS[0].shape]
    assert np.array_equal(resample_labels(LABELS[0], weights), LABELS[0])
    weights[2] = axis_weights(SIZE, np.arange(SIZE) + 3.0, 1.0, True)
    shifted = resample_labels(LABELS[0], weights)
    assert np.array_equal(shifted[..., :-3], LABELS[0][..., 3:]) and not shifted[..., -3:].any()


def test_the_volume_of_a_disc_survives_resampling():
    y, x = np.indices((80, 80))
    disc = (np.hypot(y - 40, x - 40) < 20).astype(np.uint8)[None]
    step = 1.3
    in_plane = axis_weights(80, np.arange(5, 75, step), step, True)
    resampled = resample_labels(disc, (axis_weights(1, np.zeros(1), 1.0, False), in_plane, in_plane))
    assert resampled.sum() * step**2 == pytest.approx(np.pi * 400, rel=0.01)


@pytest.mark.parametrize(
    ("n_source", "n_frames", "es"), [(30, 16, 11), (12, 16, 5), (35, 12, 1), (15, 15, 7), (9, 4, 8)]
)
def test_ed_and_es_fall_on_frames(n_source, n_frames, es):
    positions, es_frame = beat_positions(n_source, n_frames, es)
    assert positions[0] == 0 and positions[es_frame] == es
    assert (np.diff(positions) > 0).all() and positions[-1] < n_source
    assert abs(es_frame - es * n_frames / n_source) <= 0.5 or es_frame in (1, n_frames - 1)


def test_a_beat_of_the_same_length_is_unchanged():
    cine = np.random.default_rng(0).random((9, 2, 3)).astype(np.float32)
    positions, es = beat_positions(9, 9, 4)
    assert es == 4 and np.array_equal(resample_beat(cine, positions), cine)
    assert list(frames_sampled_exactly({0: "ed", 4: "es", 7: "other"}, positions)) == [0, 4, 7]


def test_the_last_frame_leads_to_the_first():
    cine = np.array([0.0, 1.0, 2.0], np.float32)
    assert np.allclose(resample_beat(cine, np.array([2.5, 2.75])), [1.0, 0.5])
    assert np.allclose(beat_positions(3, 6, None)[0], [0, 0.5, 1, 1.5, 2, 2.5])


def test_labels_between_frames_are_dropped_not_moved():
    positions, es = beat_positions(8, 5, 3)
    kept = frames_sampled_exactly({frame: frame for frame in range(8)}, positions)
    assert kept[0] == 0 and kept[es] == 3
    assert all(positions[frame] == source for frame, source in kept.items())


EIGHT = [InPlane(t, x, y) for t in (False, True) for x in (False, True) for y in (False, True)]


@pytest.mark.parametrize("stored", EIGHT)
def test_each_of_the_eight_storage_orders_is_undone(stored):
    canonical = LABELS[0]
    # Undo by hand: what file would be turned into `canonical` by this transform?
    file = canonical[..., :: -1 if stored.flip_y else 1, :: -1 if stored.flip_x else 1]
    x_axis = np.array(X_DIRECTION) * (-1 if stored.flip_x else 1)
    y_axis = np.array(Y_DIRECTION) * (-1 if stored.flip_y else 1)
    if stored.transpose:
        file, x_axis, y_axis = file.swapaxes(-1, -2), y_axis, x_axis
    found = in_plane_orientation(affine(x_axis, y_axis))
    assert found == stored and np.array_equal(found.apply(file), canonical)


def test_axis_parallel_headers_say_no_more_than_their_signs():
    assert in_plane_orientation(affine((-1, 0, 0), (0, -1, 0))) == InPlane()  # left, posterior
    assert in_plane_orientation(affine((0, -1, 0), (1, 0, 0))) == InPlane()  # posterior, right: as stored
    assert in_plane_orientation(affine((1, 0, 0), (0, 1, 0))) == InPlane(False, True, True)
    assert in_plane_orientation(np.zeros((4, 4))) == InPlane()


def test_an_oblique_plane_as_scanned():
    # An M&Ms-2 stack: first axis left-posterior-inferior, second left-superior.
    assert in_plane_orientation(affine((-0.38, -0.83, -0.41), (-0.75, 0.01, 0.66))) == InPlane(
        False, False, True
    )


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_heart_turned_by_its_header_is_turned_back(turns):
    turned = np.rot90(LABELS[0], -turns, axes=(1, 2))
    assert quarter_turns_to_canonical({0: turned}) == turns
    assert quarter_turns_to_canonical({}) == 0


def test_slice_order_from_the_header():
    along, across = np.array(APEX_DIRECTION), affine(X_DIRECTION, Y_DIRECTION)
    for towards in (1, -1):
        across[:3, 2] = towards * 8 * along
        assert stored_base_first(across) is (towards == 1)
    assert stored_base_first(affine((-1, 0, 0), (0, -1, 0))) is None  # parallel to the patient: no scanner's
    assert stored_base_first(np.zeros((4, 4))) is None


def test_slice_order_from_the_taper():
    assert apex_comes_first({0: LABELS[0]}) is False
    assert apex_comes_first({0: LABELS[0][::-1]}) is True
    assert apex_comes_first({0: np.repeat(LABELS[0][:1], 7, axis=0)}) is None
    assert apex_comes_first({}) is None
    without_base_of_rv = LABELS[0].copy()
    without_base_of_rv[0] = 0
    assert apex_comes_first({0: without_base_of_rv}) is False


def test_the_beat_is_found_beside_noise_and_brightness():
    random = np.random.default_rng(0)
    image = heart(centre=(14, 26))[0] + random.normal(0, 30, (8, 7, SIZE, SIZE))
    image[:, :, 30:, :12] += 3000  # bright, but still
    y, x = centre_of_motion(image.astype(np.float32), (10, 1.5, 1.5))
    truth = np.argwhere(heart(centre=(14, 26))[1][0])[:, 1:].mean(axis=0)
    assert np.hypot(y - truth[0], x - truth[1]) * 1.5 < 12
    still = np.zeros((4, 2, 11, 21), np.float32)
    assert centre_of_motion(still, (10, 1, 1)) == (5, 10)


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_nothing_moves_in_a_static_image(frames):
    image = np.zeros((frames, 5, 101, 101), np.float32)
    image[:, :, 10:30, 10:40] = 900.3  # fat of the chest wall, brighter than the heart
    image[:, :, 40:60, 40:60] = 400.7
    assert centre_of_motion(image, (10, 1.5, 1.5)) == (50, 50)
