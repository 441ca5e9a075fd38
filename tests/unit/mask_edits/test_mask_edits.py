"""Edited masks: areas one can compute, segments that stay, and a left ventricle that stays closed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from beating_ellipsoid import beating_heart
from scipy import ndimage

from synthaug.cli import main
from synthaug.config.data import HarmonisationSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.labels import LV, MYO, RV
from synthaug.mask_edits.edit_masks import MaskEdit, edit_labels, edit_masks
from synthaug.mask_edits.shapes import change_wall, dilate_lv, dilate_lv_to, freeze_segment
from synthaug.metrics.aha_segments import segment_weights
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML, structure_volume_ml
from synthaug.synthesis.plan_requests import complete_requests
from synthaug.synthesis.requests import read_cohort, request_cohort

SPACING = (10.0, 1.0, 1.0)
SIZE, SLICES = 96, 6


def heart(radius: float, wall: float = 8.0) -> np.ndarray:
    """Discs of a cavity within a wall, the right ventricle beside it at small x."""
    y, x = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    distance = np.hypot(y - 47.5, x - 57.5)
    plane = np.zeros((SIZE, SIZE), np.uint8)
    plane[(np.abs(y - 47.5) < 22) & (x > 12) & (x < 50)] = RV
    plane[distance < radius + wall] = MYO
    plane[distance < radius] = LV
    return np.repeat(plane[None], SLICES, axis=0)


def volume(labels, structure):
    return structure_volume_ml(labels, structure, SPACING)


def disc_ml(radius):
    return SLICES * np.pi * radius**2 * 10 / 1000


def radius_of(mask):
    """Of the disc of the same area, in mm."""
    return np.sqrt(mask.sum() / SLICES / np.pi)


def is_closed(labels):
    """No voxel of the cavity has a neighbour in its slice outside of the left ventricle."""
    four = ndimage.generate_binary_structure(2, 1)[None]
    beside = ndimage.binary_dilation(labels == LV, four) & (labels != LV)
    return bool((labels[beside] == MYO).all())


@pytest.mark.parametrize("mm", [-4, -1, 2, 5])
def test_a_dilated_disc_has_the_area_of_its_radius_and_a_wall_as_thick(mm):
    made = dilate_lv(heart(20), mm, SPACING)
    assert radius_of(made == LV) == pytest.approx(20 + mm, abs=0.5)
    assert radius_of((made == LV) | (made == MYO)) == pytest.approx(28 + mm, abs=0.5)
    assert is_closed(made)
    outside = (made != LV) & (made != MYO)
    before = heart(20)
    same = outside & (before != LV) & (before != MYO)
    assert np.array_equal(made[same], before[same])  # the right ventricle stays where it is not taken


def test_what_the_ventricle_gives_up_is_what_is_nearest():
    before, made = heart(20), dilate_lv(heart(20), -4, SPACING)
    freed = ((before == LV) | (before == MYO)) & (made != LV) & (made != MYO)
    assert freed[2, 47, 31:34].any() and set(made[2, 47, 30:34][freed[2, 47, 30:34]]) == {RV}
    assert (made[2, 47, 82:85] == 0).all()


def test_an_ellipsoid_is_dilated_to_the_volume_asked():
    labels = beating_heart(120.0, 60.0)[1][0]
    spacing = (10.0, 2.0, 2.0)
    for wanted in (80.0, 150.0, 200.0):
        made = dilate_lv_to(labels, wanted, spacing)
        assert structure_volume_ml(made, "LV", spacing) == pytest.approx(wanted, rel=0.03)
        assert is_closed(made)


@pytest.mark.parametrize("mm", [-5, -2, 3])
def test_a_changed_wall_has_the_mass_of_its_ring_and_the_cavity_stays(mm):
    before, made = heart(20), change_wall(heart(20), mm, SPACING)
    assert np.array_equal(made == LV, before == LV) and is_closed(made)
    grams = MYOCARDIAL_DENSITY_G_PER_ML * volume(made, "MYO")
    low, high = (
        MYOCARDIAL_DENSITY_G_PER_ML * (disc_ml(28 + mm + half) - disc_ml(20)) for half in (-0.5, 0.5)
    )
    assert low < grams < high  # half a pixel of 1 mm


def test_a_wall_never_opens():
    made = change_wall(heart(20), -30, SPACING)
    assert is_closed(made) and volume(made, "MYO") < disc_ml(22) - disc_ml(20)


def test_an_akinetic_segment_stays_and_the_others_move():
    ed, es = heart(22), heart(13, wall=12)
    made = freeze_segment(es, ed, 11, SPACING)  # mid inferolateral
    core, away = segment_weights(ed, SPACING, 11) == 1, segment_weights(ed, SPACING, 11, 20) == 0
    assert core.any(axis=(1, 2)).tolist() == [False, False, True, True, False, False]  # the mid third
    assert np.array_equal(made[core], ed[core]) and not np.array_equal(es[core], ed[core])
    assert np.array_equal(made[away], es[away])
    assert is_closed(made)


def test_a_slice_that_the_ventricle_has_left_stays_empty():
    ed, es = heart(22), heart(13, wall=12)
    es[2] = 0  # of the mid third
    made = freeze_segment(es, ed, 11, SPACING)
    assert not made[2].any() and (made[3] != es[3]).any()


def test_segments_of_a_third_share_the_circle():
    ed = heart(22)
    for segments in (range(1, 7), range(7, 13), range(13, 17)):
        total = sum(segment_weights(ed, SPACING, segment) for segment in segments)
        there = total.any(axis=(1, 2))
        assert there.sum() == 2 and (total[there] == 1).mean() > 0.99
    # The anterior wall is at small y, the septum beside the right ventricle at small x.
    anterior, septal = (np.argwhere(segment_weights(ed, SPACING, s) > 0) for s in (7, 14))
    assert anterior[:, 1].mean() < 40 and septal[:, 2].mean() < 45


def test_frames_are_edited_together_and_the_ejection_fraction_stays():
    labels = np.stack([heart(22), heart(16)])
    made = edit_labels(labels, [0, 1], MaskEdit(edv_ml=150.0), SPACING, "s")
    assert volume(made[0], "LV") == pytest.approx(150, rel=0.02)
    before = 1 - volume(labels[1], "LV") / volume(labels[0], "LV")
    assert 1 - volume(made[1], "LV") / volume(made[0], "LV") == pytest.approx(before, abs=0.02)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (MaskEdit(dilate_mm=-30), r"s, frame 0: nothing is left of the LV cavity; give a smaller change"),
        (MaskEdit(dilate_mm=40), r"s, frame 0: the LV reaches the edge of the image"),
        (MaskEdit(edv_ml=5000), r"s, frame 0: an LV of 5000 mL cannot be made"),
    ],
)
def test_what_cannot_be_made_is_refused(edit, message):
    with pytest.raises(SynthaugError, match=message):
        edit_labels(np.stack([heart(20)]), [0], edit, SPACING, "s")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (MaskEdit(), "nothing to edit"),
        (MaskEdit(dilate_mm=1, edv_ml=100), "give one of them"),
        (MaskEdit(edv_ml=-1), "give a volume above 0 mL"),
        (MaskEdit(akinetic=(17,)), "AHA segment 17: give one of 1 to 16"),
        (MaskEdit(heart_rate_bpm=5), "give 20 to 300 beats per minute"),
        (MaskEdit(wall_mm=float("nan")), "give a length in mm"),
    ],
)
def test_what_no_heart_can_have_is_refused(edit, message):
    with pytest.raises(SynthaugError, match=message):
        edit.check()


def test_a_segment_without_a_septum_is_refused():
    alone = np.where(heart(20) == RV, 0, heart(20)).astype(np.uint8)
    with pytest.raises(SynthaugError, match="AHA segment 2 cannot be found at end-diastole"):
        freeze_segment(alone, alone, 2, SPACING)


# --- from a cohort to requests --------------------------------------------------------------------


@pytest.fixture
def cohort(tmp_path):
    labels = [heart(22), heart(18), heart(14, wall=11), heart(19)]
    folder = tmp_path / "cohort"
    rows = []
    for name, masks in (("a", dict(enumerate(labels))), ("b", {0: labels[0]}), ("c", {})):
        cine = np.zeros((4, SLICES, SIZE, SIZE), np.float32)
        write_subject(folder / f"sub-{name}", cine, masks, SPACING, 0.2)
        listed = ",".join(map(str, masks)) or None
        about = {"vendor": "A", "diagnosis": "NOR", "age": 50.0, "n_frames": 4, "n_slices": SLICES}
        rows.append({"subject": name, "ed_frame": 0, "es_frame": 2, "labelled_frames": listed, **about})
    write_cohort(folder, "real", "real", rows, SPACING)
    return folder


def test_requests_say_what_the_edited_masks_measure(cohort, tmp_path):
    output = tmp_path / "edited"
    arguments = ["--dilate-mm", "3", "--heart-rate", "120", "--vendor", "B"]
    assert main(["edit-masks", str(cohort), str(output), *arguments]) == 0
    made = Cohort.open(output)
    assert made.kind == "request" and made.subjects == ["a", "b"]  # c has no masks
    row = made.record("a")
    assert row["lv_edv_ml"] == pytest.approx(disc_ml(25), rel=0.03)
    assert row["lv_edv_ml"] == pytest.approx(structure_volume_ml(made.label_cine("a")[0], "LV", SPACING))
    assert row["lv_esv_ml"] == pytest.approx(disc_ml(17), rel=0.03) and row["es_phase"] == 0.5
    assert (row["vendor"], row["edited_from"]) == ("B", "a") and pd.isna(row["diagnosis"])
    assert json.loads(row["mask_edit"]) == {"dilate_mm": 3.0, "heart_rate_bpm": 120.0, "vendor": "B"}
    assert made.label_frame_duration_s("a") == pytest.approx(60 / 120 / 4)
    assert pd.isna(made.record("b")["lv_esv_ml"]) and made.labelled_frames("b") == [0]
    grid = HarmonisationSettings(spacing_mm=SPACING, matrix=(SLICES, SIZE, SIZE), frames=4)
    requests, folders = read_cohort(output, grid)  # a study can ask for them
    assert list(requests["vendor"]) == ["B", "B"] and folders[0] == output / "sub-a"


def test_the_origin_of_masks_is_carried_through_requests_and_edits(cohort, tmp_path):
    grid = HarmonisationSettings(spacing_mm=SPACING, matrix=(SLICES, SIZE, SIZE), frames=4)
    asked, folders = read_cohort(cohort, grid)
    assert list(asked["masks_of"]) == ["a", "b", "c"]
    names = ["g-0", "g-1", "g-2"]
    requests = request_cohort(
        complete_requests(asked, names, 0), "g", dict(zip(names, folders, strict=True)), SPACING
    )
    edit_masks(requests, MaskEdit(dilate_mm=2.0), tmp_path / "once")
    edit_masks(Cohort.open(tmp_path / "once"), MaskEdit(vendor="B"), tmp_path / "twice")
    for folder in ("once", "twice"):
        assert list(Cohort.open(tmp_path / folder).table["edited_from"]) == ["a", "b"]
        assert "seen" not in Cohort.open(tmp_path / folder).meta
    # So is whom the model saw that the requests were drawn from.
    drawn = replace(requests, meta={**requests.meta, "sampler": {"seen": ["real-07"]}})
    edit_masks(drawn, MaskEdit(dilate_mm=2.0), tmp_path / "seen")
    edit_masks(Cohort.open(tmp_path / "seen"), MaskEdit(vendor="B"), tmp_path / "again")
    assert Cohort.open(tmp_path / "again").meta["seen"] == ["real-07"]


def test_the_time_of_es_is_known_without_a_mask_there(cohort, tmp_path):
    edit_masks(Cohort.open(cohort), MaskEdit(dilate_mm=2.0), tmp_path / "edited", ["b"])
    assert Cohort.open(tmp_path / "edited").record("b")["es_phase"] == 0.5
    with pytest.raises(SynthaugError, match="only ED has a mask"):
        edit_masks(Cohort.open(cohort), MaskEdit(akinetic=(11,)), tmp_path / "still", ["b"])


def test_a_shift_of_vendor_keeps_masks_and_diagnosis(cohort, tmp_path):
    edit_masks(Cohort.open(cohort), MaskEdit(vendor="C"), tmp_path / "edited", ["a"])
    made, source = Cohort.open(tmp_path / "edited"), Cohort.open(cohort)
    assert made.record("a")["diagnosis"] == "NOR" and made.record("a")["vendor"] == "C"
    assert np.array_equal(made.label_cine("a"), source.label_cine("a"))
    assert made.label_frame_duration_s("a") == pytest.approx(0.2)


def test_akinetic_masks_of_a_cohort_hold_their_segment(cohort, tmp_path):
    edit_masks(Cohort.open(cohort), MaskEdit(akinetic=(10, 11)), tmp_path / "edited", ["a"])
    labels = Cohort.open(tmp_path / "edited").label_cine("a")
    core = segment_weights(labels[0], SPACING, 10) == 1
    assert all(np.array_equal(frame[core], labels[0][core]) for frame in labels)
    assert Cohort.open(tmp_path / "edited").record("a")["lv_ef"] > 0


def test_bad_input_gets_one_line(cohort, tmp_path, capsys):
    assert main(["edit-masks", str(cohort), str(cohort), "--dilate-mm", "3"]) == 1
    assert main(["edit-masks", str(cohort), str(tmp_path / "new"), "--subjects", "x", "--vendor", "B"]) == 1
    assert main(["edit-masks", str(cohort), str(tmp_path / "new")]) == 1
    assert main(["edit-masks", str(cohort), str(tmp_path / "new"), "--subjects", "c", "--vendor", "B"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("; ")[1][:12] for line in lines] == [
        "name a new f", "see its subj", "give one of ", "give a cohor",
    ]  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_a_closed_cavity_stays_closed():
    """ES of a small heart: its wall is edited, and ED as if ES were open."""
    cycle = np.stack([heart(20), heart(12)])
    cycle[1][cycle[1] == LV] = MYO
    larger = edit_labels(cycle, [0, 1], MaskEdit(edv_ml=90.0), SPACING, "s")
    assert volume(larger[0], "LV") == pytest.approx(90, rel=0.01)
    assert np.array_equal(larger[1], cycle[1])
    for edit in (MaskEdit(dilate_mm=2.0), MaskEdit(wall_mm=2.0)):
        made = edit_labels(cycle, [0, 1], edit, SPACING, "s")[1]
        assert not (made == LV).any()
        assert radius_of(made == MYO) == pytest.approx(12 + 8 + 2, abs=0.5)
    with pytest.raises(SynthaugError, match=r"s: the mask of frame 0 \(ED\) has no LV cavity"):
        edit_labels(cycle[[1]], [0], MaskEdit(edv_ml=90.0), SPACING, "s")
