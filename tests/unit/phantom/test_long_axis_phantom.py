"""The four-chamber view of the phantom: the same heart as the short axis, cut along its axis, with known areas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from synthaug.data.label_structure import enclosed_fraction
from synthaug.data.orientation import APEX_DIRECTION, InPlane, long_axis_orientation
from synthaug.labels import LV, MYO, RV
from synthaug.phantom import SCANNERS, HeartParameters, LongAxisScan, draw_parameters, simulate_long_axis
from synthaug.phantom.heart import LV_LABEL, ROW_MM, Heart
from synthaug.phantom.left_ventricle import N_ANGLES
from synthaug.phantom.mnms2_writer import long_axis_affine, write_mnms2_subject
from synthaug.phantom.writers import short_axis_affine

SCANNER = replace(SCANNERS["C"], matrix=96, spacing_mm=(2.0, 2.0), frames=(4, 4))


def seed() -> np.random.SeedSequence:
    return np.random.SeedSequence(7, spawn_key=(3,))


@pytest.fixture(scope="module")
def person() -> HeartParameters:
    return draw_parameters("NOR", np.random.default_rng(1))


@pytest.fixture(scope="module")
def scanned(person: HeartParameters) -> LongAxisScan:
    return simulate_long_axis(person, SCANNER, seed())


def test_the_labelled_area_is_that_of_the_anatomy(person: HeartParameters, scanned: LongAxisScan) -> None:
    scan = scanned.scan
    heart = Heart(person, np.random.default_rng(seed().spawn(5)[0]))  # that of `simulate`
    assert scan.volumes_ml["LV"][scan.ed_frame] == pytest.approx(heart.at(0.0).volumes_ml["LV"], rel=1e-6)
    radii = np.clip(heart.at(0.0).radii[..., LV_LABEL], 0, None)
    # Through the axis a level is as wide as both radii together; the plane lies at an angle of about 176 degrees.
    widths = [radii[:, angle] + radii[:, (angle + N_ANGLES // 2) % N_ANGLES] for angle in range(166, 187)]
    areas = [width.sum() * ROW_MM for width in widths]
    measured = (scan.labels[scan.ed_frame] == LV).sum() * 2.0**2
    assert 0.96 * min(areas) < measured < 1.01 * max(areas)  # a slice of 8 mm is narrower beside the axis
    assert (scan.labels[scan.es_frame] == LV).sum() < 0.8 * (scan.labels[scan.ed_frame] == LV).sum()


def test_the_myocardium_is_open_at_the_valve_and_the_atria_are_background(scanned: LongAxisScan) -> None:
    scan = scanned.scan
    assert scan.cine.shape == scan.labels.shape == (4, 1, 96, 96)
    ed, image = scan.labels[scan.ed_frame, 0], scan.cine[scan.ed_frame, 0]
    assert set(np.unique(ed)) == {0, LV, MYO, RV}
    assert 0.6 < enclosed_fraction(ed[..., None], LV, MYO) < 0.9  # of a short axis nearly 1
    filled = ndimage.binary_fill_holes(ed == MYO)
    assert not (filled & (ed == LV)).any()
    # Blood goes on beyond the valve, as bright and without label.
    rim = ndimage.binary_dilation(ed == LV, iterations=3) & (ed == 0)
    assert np.median(image[rim]) > 0.7 * np.median(image[ed == LV])


def test_it_is_displayed_apex_up_and_its_header_says_so(scanned: LongAxisScan) -> None:
    affine = long_axis_affine(scanned, short_axis_affine(scanned.scan, np.random.default_rng(0)))
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / sizes
    assert sizes == pytest.approx([2.0, 2.0, 8.0]) and directions.T @ directions == pytest.approx(
        np.eye(3), abs=1e-9
    )
    assert long_axis_orientation(affine) == InPlane()
    ed = scanned.scan.labels[scanned.scan.ed_frame, 0]
    centres = {label: np.argwhere(ed == label).mean(axis=0) for label in (LV, MYO, RV)}
    assert centres[RV][1] < centres[LV][1] and centres[RV][0] < centres[LV][0]  # on the left, in front
    # Twice the way from the cavity to the wall's centre leads to the apex, which the affine puts where apices are.
    to_apex = (centres[MYO] - centres[LV])[::-1]
    apex = directions[:, :2] @ to_apex / np.linalg.norm(to_apex)
    assert apex @ np.array(APEX_DIRECTION) > 0.5


def test_the_same_person_again_and_the_files_of_both_views(
    tmp_path: Path, person: HeartParameters, scanned: LongAxisScan
) -> None:
    again = simulate_long_axis(person, SCANNER, seed())
    assert np.array_equal(again.scan.cine, scanned.scan.cine)
    rng = np.random.default_rng(0)
    write_mnms2_subject(tmp_path, "001", scanned.scan, scanned, SCANNER, True, rng)
    names = {
        f"001_{view}_{kind}.nii.gz"
        for view in ("SA", "LA")
        for kind in ("CINE", "ED", "ES", "ED_gt", "ES_gt")
    }
    assert {file.name for file in (tmp_path / "dataset" / "001").iterdir()} == names
    image = nib.load(tmp_path / "dataset" / "001" / "001_LA_CINE.nii.gz")
    assert image.shape == (96, 96, 1, 4)
