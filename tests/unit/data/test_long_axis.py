"""The long-axis view of M&Ms-2: read, displayed and harmonised as one slice, of which no volume is told."""

import itertools
import math
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from long_axis_heart import BACK, ES, LEFT, PIXEL_MM, SIZE, UP, four_chambers, write_long_axis
from raw_files import affine, save

from synthaug.cli import main
from synthaug.config.data import DatasetSettings, HarmonisationSettings, SplitSettings
from synthaug.core.artifacts import read_json, read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort, write_cohort
from synthaug.data.findings import SubjectError
from synthaug.data.harmonise import harmonise_dataset
from synthaug.data.load_subject import load_subject
from synthaug.data.orientation import InPlane, long_axis_orientation, orient_cine
from synthaug.data.readers import find_subjects, mnms2, raw_files
from synthaug.data.readers.base import read_cine
from synthaug.data.splits import make_splits, subjects_of
from synthaug.data.store import TensorStore, pack
from synthaug.data.validate import validate_cohort, validate_dataset
from synthaug.labels import FUNCTION_COLUMNS, LV
from synthaug.phantom import SCANNERS, draw_parameters, simulate_long_axis
from synthaug.phantom.mnms2_writer import mnms2_id, write_mnms2_subject

GRID = HarmonisationSettings(spacing_mm=(8, PIXEL_MM, PIXEL_MM), matrix=(1, 72, 72), frames=8)


def dataset(root, **options):
    content = {"layout": "mnms2", "view": "long_axis", "root": str(root), "minimum_subjects": 1}
    return parse({**content, **options}, DatasetSettings)


def refused(root) -> SubjectError:
    (subject,) = find_subjects(dataset(root), root)
    with pytest.raises(SubjectError) as caught:
        load_subject(subject)
    return caught.value


def test_a_four_chamber_slice_is_read_without_a_finding(tmp_path):
    folder = write_long_axis(tmp_path)
    save(folder / "001_SA_CINE.nii.gz", np.zeros((4, 4, 3, 5)))  # of the other view, which is not read
    assert {file.name for file in raw_files(dataset(tmp_path), tmp_path)} == {
        f"001_LA_{kind}.nii.gz" for kind in ("CINE", "ED", "ES", "ED_gt", "ES_gt")
    }
    (subject,) = find_subjects(dataset(tmp_path), tmp_path)
    raw = load_subject(subject)
    assert (raw.view, raw.ed_frame, raw.es_frame, raw.image.shape) == ("long_axis", 2, 5, (SIZE, SIZE, 1, 8))
    # Open myocardium, one slice, no closed ring: nothing of it is said.
    assert validate_dataset([subject]) == []


def test_the_command_line_validates_a_view(tmp_path, capsys):
    write_long_axis(tmp_path)
    command = ["validate", str(tmp_path), "--view", "long_axis", "--dataset"]
    assert main([*command, "mnms2"]) == 0
    assert main([*command, "acdc"]) == main([*command, "cohort"]) == 1
    said = capsys.readouterr().err
    assert "layout acdc has one view" in said and "a cohort says which view" in said


def test_the_view_that_is_asked_for_must_be_there(tmp_path):
    write_long_axis(tmp_path)
    with pytest.raises(SynthaugError, match="no subject in the layout mnms2"):
        find_subjects(dataset(tmp_path, view="short_axis"), tmp_path)
    (tmp_path / "dataset" / "001" / "001_LA_CINE.nii.gz").unlink()
    assert "001_LA_CINE" in refused(tmp_path).remedy


def test_several_slices_are_no_long_axis(tmp_path):
    folder = write_long_axis(tmp_path)
    for file in folder.glob("*.nii.gz"):
        array = np.asarray(nib.load(file).dataobj)
        save(
            file,
            np.concatenate([array, array[::-1]], axis=2),
            affine(LEFT, BACK, UP, (PIXEL_MM, PIXEL_MM, 8.0)),
        )
    error = refused(tmp_path)
    assert (error.code, error.problem) == ("view", "has 2 slices, a long-axis cine has one")


@pytest.mark.parametrize("thickness", [0.5, 100.0])
def test_a_thickness_that_no_slice_has_excludes_nobody_and_pixels_still_count(tmp_path, thickness):
    write_long_axis(tmp_path / "thick", voxel=(PIXEL_MM, PIXEL_MM, thickness))
    (subject,) = find_subjects(dataset(tmp_path), tmp_path / "thick")
    assert load_subject(subject).voxel_size_mm == (PIXEL_MM, PIXEL_MM, 8.0)
    write_long_axis(tmp_path / "lost", voxel=(1, 1, 1))
    assert refused(tmp_path / "lost").code == "voxel-size-lost"
    write_long_axis(tmp_path / "metres", voxel=(0.0025, 0.0025, thickness))
    assert refused(tmp_path / "metres").code == "voxel-size-implausible"


def test_every_storage_is_displayed_alike():
    """Eight ways to store one slice: exchanged axes and reversed ones, which the header tells."""
    image, labels = four_chambers()
    seen = []
    for transpose, flip_x, flip_y in itertools.product((False, True), repeat=3):
        x, y = (
            tuple(-number if flip else number for number in axis)
            for axis, flip in ((LEFT, flip_x), (BACK, flip_y))
        )
        stored = image[..., :: -1 if flip_y else 1, :: -1 if flip_x else 1]
        columns = (y, x, UP) if transpose else (x, y, UP)
        turned = long_axis_orientation(affine(*columns))
        seen.append(turned.apply(stored.swapaxes(-1, -2) if transpose else stored))
    assert all(np.array_equal(one, image) for one in seen) and labels.any()


def test_a_plane_between_two_quarter_turns_stays_as_stored():
    half = math.sqrt(0.5)
    between = affine((-half, -half, 0), (half, -half, 0), UP)
    upright = affine(UP, LEFT, BACK)  # a coronal plane
    assert long_axis_orientation(between) == long_axis_orientation(np.zeros((4, 4))) == InPlane()
    assert long_axis_orientation(upright).transpose  # its left is known, and clearly so
    tilted = affine((-0.9, -0.436, 0), (0.436, -0.9, 0), UP)  # 26 degrees
    assert long_axis_orientation(tilted) == InPlane() and long_axis_orientation(-tilted) == InPlane(
        False, True, True
    )


def test_a_cohort_of_long_axes_has_dice_and_no_volumes(tmp_path):
    for number in range(3):
        write_long_axis(tmp_path / "raw", f"00{number}")
    harmonise_dataset("la", dataset(tmp_path / "raw"), tmp_path / "raw", GRID, tmp_path / "cohort")
    cohort = Cohort.open(tmp_path / "cohort")
    assert (cohort.view, cohort.has_volumes) == ("long_axis", False)
    assert read_json(tmp_path / "cohort" / "cohort.json")["view"] == "long_axis"
    assert cohort.table[list(FUNCTION_COLUMNS)].isna().all(axis=None)
    assert (cohort.table["n_slices"] == 1).all() and (cohort.table["labelled_frames"] == f"0,{ES}").all()
    assert (cohort.table["outside_window"] == 0).all() and (cohort.table["window_margin_mm"] > 0).all()
    native = cohort.native(cohort.subjects[0])
    assert native.grid.orientation == dict.fromkeys(("transpose", "flip_x", "flip_y", "apex_first"), False)
    assert np.array_equal(native.labels[0], four_chambers()[1][0])
    # Pixels of the grid are those of the file: areas stay.
    assert (cohort.label_cine(cohort.subjects[0])[0] == LV).sum() == pytest.approx(
        (native.labels[0] == LV).sum(), rel=0.02
    )
    assert validate_cohort(tmp_path / "cohort") == []
    assert set(read_tsv(tmp_path / "cohort" / "findings.tsv", ())["code"]) <= {"window-padded"}


def test_phases_are_told_by_area_and_an_exchange_is_noticed(tmp_path):
    folder = write_long_axis(tmp_path)
    for kind in ("", "_gt"):
        ed, es, between = (folder / f"001_LA_{name}{kind}.nii.gz" for name in ("ED", "ES", "X"))
        ed.rename(between), es.rename(ed), between.rename(es)
    (subject,) = find_subjects(dataset(tmp_path), tmp_path)
    (finding,) = orient_cine(load_subject(subject), None, None).findings
    assert finding.code == "phases-exchanged" and "area" in finding.problem and "mL" not in finding.problem


def test_a_reader_of_another_view_costs_its_subjects(tmp_path, monkeypatch):
    write_long_axis(tmp_path / "raw")
    monkeypatch.setattr(mnms2, "_load", lambda name, path, phases, settings: read_cine(path, name))
    with pytest.raises(SynthaugError, match="is a short_axis cine, the dataset is of view long_axis"):
        harmonise_dataset("la", dataset(tmp_path / "raw"), tmp_path / "raw", GRID, tmp_path / "cohort")


def test_whoever_writes_a_cohort_of_long_axes_writes_no_volumes(tmp_path):
    rows = [{"subject": "a", "lv_edv_ml": 100.0, "lv_ef": 60.0, "age": 50}]
    write_cohort(tmp_path / "long", "x", "request", rows, (8, 1, 1), "long_axis")
    write_cohort(tmp_path / "short", "x", "request", rows, (8, 1, 1))
    long, short = (read_tsv(tmp_path / name / "subjects.tsv", ("subject",)) for name in ("long", "short"))
    assert long[["lv_edv_ml", "lv_ef"]].isna().all(axis=None) and long["age"].tolist() == [50]
    assert short["lv_edv_ml"].tolist() == [100]
    with pytest.raises(SynthaugError, match="use cohorts of one view"):
        Cohort.open_all([tmp_path / "long", tmp_path / "short"])


def test_a_simulated_dataset_is_harmonised_split_and_packed(tmp_path):
    root = tmp_path / "raw"
    for index, (vendor, diagnosis) in enumerate((("A", "NOR"), ("B", "DCM"), ("A", "HCM"))):
        scanner = replace(SCANNERS[vendor], matrix=72, spacing_mm=(2.6, 2.6), frames=(6, 6))
        person, seed = draw_parameters(diagnosis, np.random.default_rng(index)), np.random.SeedSequence(index)
        long_axis = simulate_long_axis(person, scanner, seed)
        rng = np.random.default_rng(index)
        # The other view is not read.
        write_mnms2_subject(root, mnms2_id(index), long_axis.scan, long_axis, scanner, True, rng)
    harmonise_dataset("p", dataset(root), root, GRID, tmp_path / "cohort")
    cohort = Cohort.open(tmp_path / "cohort")
    assert len(cohort.subjects) == 3 and cohort.table[list(FUNCTION_COLUMNS)].isna().all(axis=None)
    assert cohort.table["outside_window"].max() < 0.02
    codes = set(read_tsv(tmp_path / "cohort" / "findings.tsv", ())["code"])
    assert not codes & {
        "slices-few",
        "stack-length",
        "labels-exchanged",
        "orientation-contradicted",
        "ejection-fraction",
    }
    (split,) = make_splits(cohort.table, SplitSettings(test_fraction=0.25))
    train = subjects_of(split, "train")
    pack(cohort.select(train), tmp_path / "store", GRID.matrix[0])
    store = TensorStore.open(tmp_path / "store")
    assert store.images.shape == (len(train), 8, 1, 72, 72) and store.slice_mask.all()
