import shutil

import numpy as np
import pandas as pd
import pytest
from raw_files import affine, heart, save, write_acdc, write_mnms

from synthaug.config.data import AcdcSettings, DatasetSettings, HarmonisationSettings, MnmsSettings
from synthaug.core.artifacts import read_json, read_tsv, sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_cine, harmonise_dataset
from synthaug.data.orientation import APEX_DIRECTION, X_DIRECTION, Y_DIRECTION, orient_cine
from synthaug.data.readers import find_subjects
from synthaug.data.readers.base import RawCine
from synthaug.data.validate import validate_cohort
from synthaug.labels import LV, MYO, RV

GRID = HarmonisationSettings(spacing_mm=(10, 1.5, 1.5), matrix=(8, 32, 32), frames=8)


def harmonise(root, output, layout="acdc", settings=GRID, processes=1, minimum=1, **options):
    dataset = parse(
        {"layout": layout, "root": str(root), "minimum_subjects": minimum, **options}, DatasetSettings
    )
    harmonise_dataset("data", dataset, root, settings, output, processes)
    return Cohort.open(output)


def raw(image, labels, frames=(0, 3), voxel=(1.5, 1.5, 10.0), **affine_axes) -> RawCine:
    """A raw cine of a canonical image and its labels."""
    return RawCine(image.T, affine(**affine_axes), voxel, {frame: labels[frame].T for frame in frames})


def test_the_cohort_of_an_acdc_patient(tmp_path):
    write_acdc(tmp_path / "raw")
    cohort = harmonise(tmp_path / "raw", tmp_path / "cohort", vendor="Siemens")
    row = cohort.table.loc["data-patient001"]
    assert (row["diagnosis"], row["vendor"], row["height_cm"]) == ("DCM", "Siemens", 180)
    assert pd.isna(row["weight_kg"]) and pd.isna(row["centre"])
    assert (row["ed_frame"], row["es_frame"], row["labelled_frames"]) == (0, 3, "0,3")
    assert (row["n_frames"], row["n_slices"], row["spacing"]) == (8, 7, "10,1.5,1.5")
    assert row["patient"] == "data-patient001"
    cine, labels = cohort.cine("data-patient001"), cohort.label_cine("data-patient001")
    native = cohort.native("data-patient001")
    assert cine.shape == (8, 7, 32, 32) and cine.min() == 0 and cine.max() == 1
    # The labelled heart lies where it did, moved by the crop, with its volumes.
    _, truth = heart()
    voxel_ml = 10 * 1.5 * 1.5 / 1000
    for frame in (0, 3):
        for structure in (LV, MYO, RV):
            # The window is placed by motion: of the RV, at its border, a column is cut.
            whole = int((truth[frame] == structure).sum())
            assert (labels[frame] == structure).sum() == pytest.approx(whole, rel=0.05)
            assert (native.labels[frame] == structure).sum() == whole
    edv, esv = ((truth[frame] == LV).sum() * voxel_ml for frame in (0, 3))
    assert row["lv_edv_ml"] == pytest.approx(edv) and row["lv_ef"] == pytest.approx(100 * (1 - esv / edv))
    assert cine[0][labels[0] == LV].mean() > cine[0][labels[0] == MYO].mean() + 0.5
    assert (labels[1] == 255).all()


def test_every_storage_gives_the_same_cine():
    image, labels = heart()
    reference = harmonise_cine(orient_cine(raw(image, labels), 0, 3), GRID)
    mirrored = raw(image[..., ::-1], labels[..., ::-1], x=(1, 0, 0))
    turned = raw(image.swapaxes(-1, -2), labels.swapaxes(-1, -2), x=Y_DIRECTION, y=X_DIRECTION)
    apex_first = raw(image[:, ::-1], labels[:, ::-1], z=tuple(-np.array(APEX_DIRECTION)))
    later = raw(np.roll(image, 5, axis=0), np.roll(labels, 5, axis=0), frames=(5, 0))
    for other, phases in ((mirrored, (0, 3)), (turned, (0, 3)), (apex_first, (0, 3)), (later, (5, 0))):
        found = harmonise_cine(orient_cine(other, *phases), GRID)
        assert np.array_equal(found.cine, reference.cine)
        assert found.es_frame == 3 and sorted(found.labels) == [0, 3]
        assert all(np.array_equal(found.labels[frame], reference.labels[frame]) for frame in (0, 3))


def test_spacing_follows_its_axis():
    image, labels = heart()
    stretched = raw(
        image.swapaxes(-1, -2), labels.swapaxes(-1, -2), voxel=(2.0, 1.5, 10.0), x=Y_DIRECTION, y=X_DIRECTION
    )
    assert orient_cine(stretched, 0, 3).spacing_mm == (10.0, 2.0, 1.5)  # the file's first axis is y


def test_labels_contradict_the_header_and_move_nothing():
    image, labels = heart()
    turned = raw(image[..., ::-1, ::-1], labels[..., ::-1, ::-1])  # 180 degrees, the affine does not know
    reversed_stack = raw(image[:, ::-1], labels[:, ::-1])  # apex first, and no header that says so
    for cine, contradiction in ((turned, "turned by 180 degrees"), (reversed_stack, "from apex to base")):
        found = orient_cine(cine, 0, 3)
        assert np.array_equal(found.cine, cine.image.T)
        assert any(contradiction in str(finding) for finding in found.findings)


def test_a_cine_is_framed_alike_with_and_without_labels():
    image, labels = heart(centre=(14, 26))
    settings = GRID.model_copy(update={"matrix": (8, 24, 24)})
    labelled, bare = (
        harmonise_cine(orient_cine(raw(image, labels, frames=frames), 0, 3), settings)
        for frames in ((0, 3), ())
    )
    assert np.array_equal(labelled.cine, bare.cine)
    assert labelled.native.grid == bare.native.grid
    y, x = np.argwhere(labelled.cine[0] > 0.8)[:, 1:].mean(axis=0)
    assert abs(y - 11.5) < 4 and abs(x - 11.5) < 6
    # The labels report how far off the window is: 24 pixels of 1.5 mm.
    truth = np.argwhere(labels[0] > 0)[:, 1:].mean(axis=0)
    assert bare.placement is None and labelled.placement is not None
    centre = np.array(labelled.native.grid.origin[1:]) + 11.5
    assert labelled.placement.offset_mm == pytest.approx(1.5 * np.hypot(*(truth - centre)), abs=1.0)


def test_what_the_window_cuts_is_reported():
    image, labels = heart()
    small = harmonise_cine(
        orient_cine(raw(image, labels), 0, 3), GRID.model_copy(update={"matrix": (5, 16, 16)})
    )
    grid, placement = small.native.grid, small.placement
    low = [round(start) for start in grid.origin]
    kept = labels[0][low[0] : low[0] + 5, low[1] : low[1] + 16, low[2] : low[2] + 16]
    assert placement.margin_mm < 0
    cut = sum((labels[frame] > 0).sum() for frame in (0, 3))
    assert placement.outside == pytest.approx(
        1 - sum((small.labels[f] > 0).sum() for f in (0, 3)) / cut, abs=0.08
    )
    assert kept.shape == (5, 16, 16)
    assert any("of the labelled RV is outside of the window" in str(finding) for finding in small.findings)


def test_a_heart_at_the_border_is_padded_with_zero_and_said():
    image, labels = heart()
    cropped = raw(image[..., 14:, :], labels[..., 14:, :])
    done = harmonise_cine(orient_cine(cropped, 0, 3), GRID)
    assert any("anterior side; padded with 0" in str(finding) for finding in done.findings)
    assert any("reach the edge of the field of view" in str(finding) for finding in done.findings)
    empty = (done.cine == 0).all(axis=(0, 1, 3))
    assert empty[0] and not empty[-1]


def test_a_structure_that_the_image_cuts_has_no_volume():
    image, labels = heart()
    whole = harmonise_cine(orient_cine(raw(image, labels), 0, 3), GRID).function
    assert all(value > 0 for value in whole.values())
    through_rv = (slice(None), slice(None), slice(None), slice(6, None))
    cut = harmonise_cine(orient_cine(raw(image[through_rv], labels[through_rv]), 0, 3), GRID).function
    assert {name for name, value in cut.items() if np.isnan(value)} == {"rv_edv_ml", "rv_esv_ml", "rv_ef"}
    assert {name: value for name, value in cut.items() if value > 0} == pytest.approx(
        {name: value for name, value in whole.items() if not name.startswith("rv")}, rel=0.02
    )


def test_more_slices_than_the_matrix_keep_the_middle_of_the_stack():
    image, labels = heart()
    short = GRID.model_copy(update={"matrix": (5, 32, 32)})
    done = harmonise_cine(orient_cine(raw(image, labels), 0, 3), short)
    assert done.native.grid.origin[0] == 1 and done.cine.shape[1] == 5  # of 7 slices, the second to the sixth
    assert done.native.labels[0].shape[0] == 7


def test_slices_of_another_distance_are_resampled():
    image, labels = heart()
    done = harmonise_cine(orient_cine(raw(image, labels, voxel=(1.5, 1.5, 8.0)), 0, 3), GRID)
    assert done.cine.shape[1] == 6  # 7 slices of 8 mm are 56 mm
    before = (labels[0] == LV).sum() * 8
    assert (done.labels[0] == LV).sum() * 10 == pytest.approx(before, rel=0.08)


def test_ed_comes_from_the_labels_where_the_table_has_none():
    image, labels = (np.roll(array, 2, axis=0) for array in heart())
    canonical = orient_cine(raw(image, labels, frames=(2, 5)), None, None)
    assert canonical.es_frame == 3 and np.array_equal(canonical.cine, heart()[0])
    assert "frame 3, with the largest LV cavity" in str(canonical.findings[0])
    unlabelled = orient_cine(raw(image, labels, frames=()), None, None)
    assert unlabelled.es_frame is None and "first frame" in str(unlabelled.findings[0])


def test_es_comes_from_the_labels_where_the_table_has_ed_only():
    image, labels = heart()
    found = orient_cine(raw(image, labels), 0, None)
    assert found.es_frame == 3 and [finding.code for finding in found.findings] == ["phases-from-labels"]
    assert orient_cine(raw(image, labels, frames=(0,)), 0, None).es_frame is None


def test_a_structure_that_is_not_drawn_at_es_has_no_volume_there():
    image, labels = heart()
    labels[3][labels[3] == RV] = 0
    done = harmonise_cine(orient_cine(raw(image, labels), 0, 3), GRID)
    assert np.isnan([done.function["rv_esv_ml"], done.function["rv_ef"]]).all()
    assert done.function["rv_edv_ml"] > 0 and done.function["lv_ef"] > 0
    labels[3] = 0
    labels[3][0, 0, 0] = RV
    codes = {finding.code for finding in orient_cine(raw(image, labels), 0, 3).findings}
    assert "structure-missing" in codes and "ejection-fraction" not in codes  # not 100 %, but unknown


def test_quarantine_and_findings_name_their_subjects(tmp_path):
    write_acdc(tmp_path / "raw")
    write_acdc(tmp_path / "raw", "patient002", labelled=False)
    lost = write_acdc(tmp_path / "raw", "patient003", labelled=False)
    save(lost / "patient003_4d.nii.gz", heart()[0].T, affine(voxel=(1, 1, 1)))
    (write_acdc(tmp_path / "raw", "patient004") / "Info.cfg").unlink()
    (tmp_path / "raw" / "Thumbs.db").write_text("x")
    (tmp_path / "raw" / "notes.txt").write_text("x")
    cohort = harmonise(tmp_path / "raw", tmp_path / "cohort")
    assert cohort.subjects == ["data-patient001", "data-patient002"]
    ignored = read_tsv(tmp_path / "cohort" / "ignored.tsv")
    assert ignored.to_dict("records") == [
        {"file": "Thumbs.db", "reason": "left by Windows"},
        {"file": "notes.txt", "reason": "not a file of the layout acdc"},
    ]
    assert cohort.labelled_frames("data-patient002") == []
    quarantine = read_tsv(tmp_path / "cohort" / "quarantine.tsv")
    assert quarantine["subject"].tolist() == ["data-patient003", "data-patient004"]
    assert quarantine["file"].tolist() == [
        "training/patient003/patient003_4d.nii.gz",
        "training/patient004/Info.cfg",
    ]
    assert list(read_tsv(tmp_path / "cohort" / "findings.tsv").columns) == [
        "subject",
        "code",
        "problem",
        "remedy",
    ]
    recorded = read_json(tmp_path / "cohort" / "cohort.json")["files"]["data-patient001"]["cine"]
    assert recorded == sha256_file(tmp_path / "cohort" / "sub-data-patient001" / "cine.nii.gz")
    assert [
        finding for finding in validate_cohort(tmp_path / "cohort") if "edge" not in finding.problem
    ] == []


def test_too_few_subjects_stop_with_the_reason_and_write_nothing(tmp_path):
    write_acdc(tmp_path / "raw")
    (write_acdc(tmp_path / "raw", "patient002") / "Info.cfg").unlink()
    with pytest.raises(
        SynthaugError, match=r"1 of 2 subjects can be used, minimum_subjects is 2.*Info\.cfg is missing"
    ):
        harmonise(tmp_path / "raw", tmp_path / "out" / "cohort", minimum=2)
    assert list((tmp_path / "out").iterdir()) == []


def test_subjects_that_the_study_excludes_are_listed_with_its_reason(tmp_path):
    for number in (1, 2, 3):
        write_acdc(tmp_path / "raw", f"patient00{number}")
    exclude = {"patient002": "half of the heart lies outside of the image"}
    cohort = harmonise(tmp_path / "raw", tmp_path / "cohort", exclude=exclude)
    assert cohort.subjects == ["data-patient001", "data-patient003"]
    (row,) = read_tsv(tmp_path / "cohort" / "quarantine.tsv").to_dict("records")
    assert (row["subject"], row["code"], row["problem"]) == (
        "data-patient002",
        "excluded-by-study",
        exclude["patient002"],
    )
    both = harmonise(
        tmp_path / "raw", tmp_path / "fewer", exclude={"patient002": "cut", "patient001": "moved"}
    )
    assert both.subjects == ["data-patient003"]
    assert read_tsv(tmp_path / "fewer" / "quarantine.tsv")["problem"].tolist() == ["moved", "cut"]
    with pytest.raises(
        SynthaugError, match=r"datasets\.data\.exclude: .* has no subject patient009; correct"
    ):
        harmonise(tmp_path / "raw", tmp_path / "other", exclude={"patient009": "typed wrong"})
    assert not (tmp_path / "other").exists()


def test_a_constant_image_is_quarantined(tmp_path):
    folder = write_acdc(tmp_path / "raw")
    write_acdc(tmp_path / "raw", "patient002")
    save(folder / "patient001_4d.nii.gz", np.full(heart()[0].T.shape, 5))
    harmonise(tmp_path / "raw", tmp_path / "cohort")
    (problem,) = read_tsv(tmp_path / "cohort" / "quarantine.tsv")["problem"]
    assert "constant" in problem


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path):
    write_mnms(tmp_path / "raw", ("A1", "B2", "C3"))
    counts = []
    dataset = MnmsSettings(layout="mnms", root="somewhere", minimum_subjects=1)
    for processes in (1, 2):
        output = tmp_path / f"with-{processes}"
        harmonise_dataset(
            "data",
            dataset,
            tmp_path / "raw",
            GRID,
            output,
            processes,
            lambda done, total: counts.append((done, total)),
        )
    assert counts == [(1, 3), (2, 3), (3, 3)] * 2
    one, two = (
        {
            file.relative_to(tmp_path / name): sha256_file(file)
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("with-1", "with-2")
    )
    assert one == two and len([name for name in one if not name.name.startswith(".")]) == 6 + 4 * 3


def test_where_a_dataset_lies_does_not_matter(tmp_path):
    write_acdc(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    for name in ("here", "there"):
        harmonise(tmp_path / name, tmp_path / f"cohort-{name}")
    assert sha256_file(tmp_path / "cohort-here" / "cohort.json") == sha256_file(
        tmp_path / "cohort-there" / "cohort.json"
    )


def test_one_beat_lasts_as_long_as_before(tmp_path):
    import nibabel as nib

    folder = write_acdc(tmp_path / "raw")
    path = folder / "patient001_4d.nii.gz"
    image = nib.load(path)
    image.header["pixdim"][4] = 0.05
    nib.save(image, path)
    assert find_subjects(AcdcSettings(layout="acdc", root="raw"), tmp_path / "raw")[
        0
    ].load().frame_duration_s == pytest.approx(0.05)
    settings = GRID.model_copy(update={"frames": 16})
    cohort = harmonise(tmp_path / "raw", tmp_path / "cohort", settings=settings)
    cine = nib.load(cohort.folders["data-patient001"] / "cine.nii.gz")
    assert cine.header["pixdim"][4] == pytest.approx(0.025)
