"""The settings of the harmonisation, each by facts that follow by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from synthaug.config.data import AcdcSettings, HarmonisationSettings
from synthaug.core.artifacts import read_json, read_tsv
from synthaug.core.gzipped import gzipped
from synthaug.data.bias_field import bias_field
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import HarmonisedCine, harmonise_cine, harmonise_dataset
from synthaug.data.intensities import foreground_deciles, percentiles_of, standardise
from synthaug.data.orientation import OrientedCine
from synthaug.data.resampling import apply_weights, axis_weights, beat_weights, move_slices, resample_cine
from synthaug.data.slice_alignment import align_slices, slice_shifts

from raw_files import N_SLICES, heart, write_acdc  # isort: skip

UNTURNED = {"transpose": False, "flip_x": False, "flip_y": False, "apex_first": False}
IMAGE, LABELS = heart()
CENTRE = (19.0, 19.0)
SPACING = (10.0, 1.5, 1.5)


def oriented(image: np.ndarray = IMAGE, labels: np.ndarray = LABELS) -> OrientedCine:
    own = {frame: labels[frame] for frame in (0, 3)}
    return OrientedCine(image, own, SPACING, 3, [], UNTURNED)


def harmonise(cine: OrientedCine, **settings: object) -> HarmonisedCine:
    grid = {"spacing_mm": SPACING, "matrix": (N_SLICES, 40, 40), "frames": 8}
    return harmonise_cine(cine, HarmonisationSettings.model_validate({**grid, **settings}))


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
@pytest.mark.parametrize("step", [0.6, 1.0, 1.7, 3.0])
def test_wider_kernels_keep_parabolas_and_means(kernel, step):
    places = np.arange(40, dtype=np.float32)
    positions = np.arange(11.3, 28, step)
    weights = axis_weights(40, positions, step, True, kernel)
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert apply_weights((places - 20) ** 2, weights, 0) == pytest.approx((positions - 20) ** 2, abs=1e-3)


def test_cubic_weights_by_hand():
    # Keys' kernel half way: -1/16, 9/16, 9/16, -1/16.
    halfway = axis_weights(5, np.array([1.5]), 1.0, True, "cubic").toarray()
    assert halfway == pytest.approx(np.array([[-1, 9, 9, -1, 0]]) / 16)
    for kernel in ("cubic", "lanczos"):  # a whole voxel stays itself, and what is outside is nothing
        assert np.array_equal(axis_weights(6, np.arange(6), 1.0, True, kernel).toarray(), np.eye(6))
        assert not axis_weights(6, np.array([-0.6, 5.6]), 1.0, True, kernel).toarray().any()


@pytest.mark.parametrize("kernel", ["linear", "cubic", "lanczos"])
def test_stripes_finer_than_the_grid_become_their_mean(kernel):
    stripes = np.tile([0, 1], 30).astype(np.float32)
    coarse = apply_weights(stripes, axis_weights(60, np.arange(10, 50, 2.3), 2.3, True, kernel), 0)
    assert coarse == pytest.approx(0.5, abs=0.13)


def test_interpolation_is_of_images_in_the_plane_only():
    matrix = {"matrix": (N_SLICES, 30, 30), "spacing_mm": (10.0, 1.8, 1.8)}
    straight, cubic = (harmonise(oriented(), interpolation=kind, **matrix) for kind in ("linear", "cubic"))
    assert not np.array_equal(straight.cine, cubic.cine)
    assert all(np.array_equal(straight.labels[frame], cubic.labels[frame]) for frame in (0, 3))


def test_a_spline_follows_a_wave_where_lines_cut_its_tops():
    wave = np.cos(2 * np.pi * np.arange(12) / 12).astype(np.float32)
    positions = np.arange(24) / 2
    truth = np.cos(2 * np.pi * positions / 12)
    found = {order: beat_weights(12, positions, order) @ wave for order in ("linear", "cubic")}
    assert np.array_equal(found["cubic"][::2], wave)  # frames stay what they are
    # Half way between its frames a line has cos(pi / 12) of the wave; the spline misses 2e-3 at most.
    assert found["linear"][1::2] == pytest.approx(truth[1::2] * np.cos(np.pi / 12), abs=1e-6)
    assert found["cubic"] == pytest.approx(truth, abs=2e-3)
    for order in ("linear", "cubic"):
        assert beat_weights(12, positions, order).sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("n_frames", [5, 11])
def test_time_and_space_are_resampled_in_either_order(n_frames):
    cine = np.random.default_rng(0).random((8, 3, 9, 10)).astype(np.float32)
    in_time = beat_weights(8, np.arange(n_frames) * 8 / n_frames, "cubic")
    in_space = [axis_weights(n, np.arange(0.2, n - 1, 1.3), 1.3, True) for n in cine.shape[1:]]
    expected = np.einsum(
        "ft,kz,jy,ix,tzyx->fkji", in_time.toarray(), *(w.toarray() for w in in_space), cine, optimize=True
    )
    assert resample_cine(cine, in_time, in_space) == pytest.approx(expected, abs=1e-5)


def test_ed_and_es_are_the_same_images_with_either_interpolation_of_frames():
    straight, cubic = (
        harmonise(oriented(), frames=6, frame_interpolation=order) for order in ("linear", "cubic")
    )
    assert cubic.es_frame == straight.es_frame
    low, high = np.percentile(IMAGE, (0.5, 99.5))
    for frame in (0, straight.es_frame):
        assert np.abs(straight.cine[frame] - cubic.cine[frame]).max() < 0.05 * (high - low)


def test_the_deciles_of_a_subject_go_to_the_landmarks():
    random = np.random.default_rng(0)
    cine = random.gamma(2.0, 0.1, (4, 3, 16, 16)).clip(0, 1).astype(np.float32)
    inside = np.ones((16, 16), bool)
    landmarks = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
    done = standardise(cine, inside, landmarks)
    own = foreground_deciles(cine, inside)
    assert np.interp(own, np.sort(cine, axis=None), np.sort(done, axis=None)) == pytest.approx(
        landmarks, abs=2e-3
    )
    order = np.argsort(cine, axis=None)
    assert (np.diff(done.ravel()[order]) >= 0).all() and done.min() >= 0 and done.max() <= 1
    # Twice as dark an image lies on the same scale, but for what is beyond the outermost deciles.
    bright = cine >= own[0]
    assert standardise(cine / 2, inside, landmarks)[bright & (cine <= own[-1])] == pytest.approx(
        done[bright & (cine <= own[-1])], abs=1e-5
    )
    with pytest.raises(ValueError, match="constant where the heart"):
        standardise(np.zeros_like(cine), inside, landmarks)


def test_percentiles_are_those_of_numpy():
    random = np.random.default_rng(0)
    many = random.gamma(2.0, size=(7, 301, 100)).astype(np.float32)
    rare = np.zeros(300_000, np.float32)
    rare[1::15] = np.arange(20_000)  # between the values of the sample, which shows none of them
    for values in (many, many[:, ::7, 3:5], rare, np.ones((2, 3), np.float32), many[0, 0, :3]):
        for wanted in ((0.5, 99.5), (0, 100), (0, 37), (2, 98)):
            assert percentiles_of(values, wanted) == pytest.approx(
                np.percentile(values, wanted).tolist(), rel=1e-5
            )


def test_landmarks_that_do_not_ascend_are_refused():
    with pytest.raises(ValidationError, match="landmarks must ascend"):
        HarmonisationSettings(landmarks=(0.1, 0.2, 0.3, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9))


@pytest.mark.parametrize("n_slices", [1, 2, 6])  # one as a long axis has
def test_n4_flattens_a_field_that_is_known(n_slices):
    y, x = np.indices((60, 60))
    tissue = np.where(np.hypot(y - 30, x - 30) < 12, 1.0, 0.4) + 0.02 * np.random.default_rng(0).random(
        (n_slices, 60, 60)
    )
    field = np.exp(0.5 * (x - 30) / 30 - 0.2 * ((y - 30) / 30) ** 2)
    cine = np.repeat((tissue * field)[None], 3, axis=0).astype(np.float32)
    found = bias_field(cine, np.ones((60, 60), bool), (10.0, 2.5, 2.5))
    assert found.shape == (n_slices, 60, 60) and found.dtype == np.float32
    inner = (slice(None), slice(5, 55), slice(5, 55))
    left = np.log(found / field)[inner]
    assert left.std() < np.log(field)[5:55, 5:55].std() / 3


def test_n4_changes_nothing_but_the_smooth_part():
    plain, flat = (harmonise(oriented(), bias_field=kind) for kind in ("none", "n4"))
    assert all(np.array_equal(plain.labels[frame], flat.labels[frame]) for frame in (0, 3))
    assert np.corrcoef(plain.cine.ravel(), flat.cine.ravel())[0, 1] > 0.95
    assert flat.cine.min() >= 0 and flat.cine.max() <= 1


def displaced(offsets: np.ndarray) -> OrientedCine:
    """The heart, its slice k displaced by offsets[k] pixels (y, x)."""
    return oriented(move_slices(IMAGE, -offsets), move_slices(LABELS, -offsets))


OFFSETS = np.zeros((N_SLICES, 2), int)
OFFSETS[3] = (2, -2)


def test_a_slice_that_is_displaced_by_two_pixels_is_found():
    assert slice_shifts(IMAGE, SPACING, CENTRE) == pytest.approx(0, abs=0.2)
    found = slice_shifts(displaced(OFFSETS).cine, SPACING, CENTRE)
    assert found is not None
    # What a parabola can follow of it counts as the heart's own course.
    powers = np.vander(np.arange(N_SLICES), 3)
    truth = OFFSETS - powers @ np.linalg.lstsq(powers, OFFSETS.astype(float), rcond=None)[0]
    assert np.abs(found - truth).max() < 0.4 and (np.abs(found).argmax(axis=0) == 3).all()
    assert slice_shifts(IMAGE[:, :4], SPACING, CENTRE) is None


def test_a_tilted_stack_is_not_displaced():
    tilt = np.stack([np.arange(N_SLICES) - 3, 3 - np.arange(N_SLICES)], axis=1)
    assert slice_shifts(displaced(tilt).cine, SPACING, CENTRE) == pytest.approx(0, abs=0.35)


def test_a_stack_without_contrast_is_not_displaced():
    assert slice_shifts(np.ones_like(IMAGE), SPACING, CENTRE) == pytest.approx(0, abs=1e-6)


def test_measured_displacements_move_nothing_and_are_reported():
    cine = displaced(2 * OFFSETS)
    same, found = align_slices(cine, CENTRE, "measure")
    assert same is cine and found.moved == () and found.spread_mm is not None and found.spread_mm > 1
    assert [finding.code for finding in found.findings] == ["slices-displaced"]
    assert "4 by" in found.findings[0].problem
    _, still = align_slices(oriented(), CENTRE, "measure")
    assert still.findings == [] and still.spread_mm < 0.3
    done = harmonise(cine)
    assert done.slice_shift_mm == pytest.approx(found.spread_mm, rel=0.3) and done.native.grid.moved == ()


def test_corrected_slices_go_back_to_the_labels_that_were_annotated():
    cine = displaced(2 * OFFSETS)
    done = harmonise(cine, slice_alignment="correct")
    moved = done.native.grid.moved
    assert moved[3][0] > 1 and moved[3][1] < -1 and len(moved) == N_SLICES
    assert "slices-moved" in [finding.code for finding in done.findings]
    for frame in (0, 3):
        native = done.native.labels[frame]
        assert np.array_equal(native, cine.labels[frame])
        assert not np.array_equal(done.labels[frame], harmonise(cine).labels[frame])
        back = done.native.grid.labels_from(np.stack([done.labels[frame] == label for label in range(4)]))
        assert np.array_equal(back, native)
    _, aligned = align_slices(displaced(2 * OFFSETS - np.array(moved)), CENTRE, "measure")
    _, before = align_slices(cine, CENTRE, "measure")
    assert aligned.spread_mm < 0.6 * before.spread_mm


def test_the_recipe_is_part_of_the_cohort_and_its_way_back_is_read_again(tmp_path: Path):
    write_acdc(tmp_path / "raw")
    dataset = AcdcSettings(layout="acdc", root=str(tmp_path / "raw"), minimum_subjects=1)
    settings = HarmonisationSettings(
        spacing_mm=SPACING, matrix=(8, 32, 32), frames=8, slice_alignment="correct", interpolation="cubic"
    )
    harmonise_dataset("data", dataset, tmp_path / "raw", settings, tmp_path / "cohort")
    recipe = read_json(tmp_path / "cohort" / "cohort.json")["harmonisation"]
    assert recipe == settings.model_dump(mode="json") and recipe["interpolation"] == "cubic"
    row = read_tsv(tmp_path / "cohort" / "subjects.tsv").iloc[0]
    assert 0 <= row["slice_shift_mm"] < 1
    native = Cohort.open(tmp_path / "cohort").native("data-patient001")
    assert native is not None and isinstance(native.grid.moved, tuple)


def test_a_gzip_is_the_same_whenever_it_is_written():
    content = bytes(1000) + np.random.default_rng(0).bytes(1000)
    assert gzip.decompress(gzipped(content)) == content and gzipped(content) == gzipped(content)
    assert gzipped(content)[4:8] == bytes(4)  # no time
    assert len(gzipped(content)) < 1100
