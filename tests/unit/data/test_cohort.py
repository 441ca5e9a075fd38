"""The data contract: what is written is what is read, and what is refused."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.store import TensorStore, first_slice, pack
from synthaug.labels import LV, UNLABELLED

SPACING_MM = (10.0, 2.0, 1.5)


@pytest.fixture
def cohort_folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for subject, n_slices in (("a-001", 3), ("a-002", 4)):
        cine = rng.random((5, n_slices, 6, 7), dtype=np.float32)
        labels = np.zeros((n_slices, 6, 7), np.uint8)
        labels[:, 2:4, 2:4] = LV
        frames = {0: labels, 2: labels} if subject == "a-001" else {}
        write_subject(tmp_path / "c" / f"sub-{subject}", cine, frames, SPACING_MM, 0.04)
        listed = ",".join(map(str, frames)) or None
        rows.append({"subject": subject, "dataset": "a", "n_slices": n_slices, "labelled_frames": listed})
    write_cohort(tmp_path / "c", "a", "real", rows, SPACING_MM)
    return tmp_path / "c"


def test_round_trip(cohort_folder):
    cohort = Cohort.open(cohort_folder)
    expected = np.random.default_rng(0).random((5, 3, 6, 7), dtype=np.float32)
    assert cohort.subjects == ["a-001", "a-002"] and cohort.spacing_mm == SPACING_MM
    np.testing.assert_allclose(cohort.cine("a-001"), expected, atol=0.5 / 32767 + 1e-7)
    assert cohort.labelled_frames("a-001") == [0, 2] and cohort.labelled_frames("a-002") == []


def test_a_record_is_a_row_of_the_table_in_values_that_json_takes(cohort_folder):
    cohort = Cohort.open(cohort_folder)
    record = cohort.record("a-002")
    assert list(record) == list(cohort.table.columns)
    assert record["subject"] == "a-002" and record["dataset"] == "a"
    assert record["n_slices"] == 4 and type(record["n_slices"]) is int
    assert pd.isna(record["labelled_frames"]) and pd.isna(record["lv_edv_ml"])
    assert cohort.select(["a-002", "a-001"]).record("a-001")["labelled_frames"] == "0,2"


def test_header_says_mm_and_seconds_in_file_order(cohort_folder):
    image = nib.load(cohort_folder / "sub-a-001" / "cine.nii.gz")
    assert image.shape == (7, 6, 3, 5)
    np.testing.assert_allclose(image.header["pixdim"][1:5], [1.5, 2.0, 10.0, 0.04], rtol=1e-6)
    assert image.header.get_xyzt_units() == ("mm", "sec")


def test_unlabelled_frames_never_look_like_background(cohort_folder):
    labels = Cohort.open(cohort_folder).label_cine("a-001")
    assert (labels[[1, 3, 4]] == UNLABELLED).all() and set(np.unique(labels[0])) == {0, LV}
    assert (Cohort.open(cohort_folder).label_cine("a-002") == UNLABELLED).all()


def test_same_voxels_same_bytes(tmp_path):
    cine = np.random.default_rng(1).random((2, 2, 4, 4), dtype=np.float32)
    for name in "ab":
        write_subject(tmp_path / name, cine, {}, SPACING_MM)
    assert sha256_file(tmp_path / "a" / "cine.nii.gz") == sha256_file(tmp_path / "b" / "cine.nii.gz")


@pytest.mark.parametrize("subject", ["../x", "a_b", "", "a" * 65, "-a", "<script>"])
def test_unsafe_ids_are_refused(tmp_path, subject):
    with pytest.raises(SynthaugError, match="not allowed"):
        write_cohort(tmp_path, "a", "real", [{"subject": subject}], SPACING_MM)


def test_double_ids_and_missing_files_are_refused(cohort_folder):
    with pytest.raises(SynthaugError, match="a-001 is also in"):
        Cohort.open_all([cohort_folder, cohort_folder])
    (cohort_folder / "sub-a-002" / "cine.nii.gz").unlink()
    with pytest.raises(SynthaugError, match=r"sub-a-002: no cine\.nii\.gz"):
        Cohort.open(cohort_folder)


def test_phenotypes_follow_the_subjects(cohort_folder, tmp_path):
    cohort = Cohort.open(cohort_folder)
    assert cohort.with_phenotypes([]).phenotypes is None
    for name, text in (("a", "a-002\ta\t5\t\n"), ("b", "a-001\ta\t7\t1\n")):
        (tmp_path / f"{name}.tsv").write_text(f"subject\tpatient\tlv_ef\tgrip_{name}\n{text}")
    both = cohort.with_phenotypes([tmp_path / "a.tsv", tmp_path / "b.tsv"])
    assert both.phenotypes["lv_ef"].to_dict() == {"a-001": 7, "a-002": 5}
    assert both.select(["a-002"]).phenotypes.index.tolist() == ["a-002"]
    assert both.phenotypes["grip_b"].isna().tolist() == [False, True]  # one table does not have it
    less = cohort.with_phenotypes([tmp_path / "a.tsv", tmp_path / "b.tsv"], without=["lv_ef", "nobody's"])
    assert list(less.phenotypes) == ["patient", "grip_a", "grip_b"]
    with pytest.raises(SynthaugError, match="no phenotypes of subject a-001; measure them again"):
        cohort.with_phenotypes([tmp_path / "a.tsv"])
    with pytest.raises(SynthaugError, match="subject a-002 has phenotypes in two rows"):
        cohort.with_phenotypes([tmp_path / "a.tsv"] * 2)


def test_a_cine_with_nan_or_out_of_range_is_not_written(tmp_path):
    for value in (np.nan, 1.5, -0.1):
        with pytest.raises(SynthaugError, match="finite"):
            write_subject(tmp_path / "s", np.full((1, 1, 2, 2), value, np.float32), {}, SPACING_MM)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("file", "read"), [("cine.nii.gz", "cine"), ("labels.nii.gz", "label_cine")])
def test_a_flipped_bit_never_gives_other_voxels(cohort_folder, file, read):
    cohort = Cohort.open(cohort_folder)
    path = cohort.folders["a-001"] / file
    whole, content = getattr(cohort, read)("a-001"), path.read_bytes()
    refused = 0
    for bit in range(0, 8 * len(content), max(1, 8 * len(content) // 200)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            np.testing.assert_array_equal(getattr(cohort, read)("a-001"), whole)  # of gzip's own header
        except SynthaugError as error:
            assert f"{path}: damaged or cut short (" in str(error)
            refused += 1
    assert refused > 180
    path.write_bytes(content[:-1])
    with pytest.raises(SynthaugError, match=r"damaged or cut short .* restore it, or remove the output"):
        getattr(cohort, read)("a-001")


def test_a_table_that_is_not_the_recorded_one_is_refused(cohort_folder):
    table = cohort_folder / "subjects.tsv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(SynthaugError, match=r"subjects.tsv: not the table that cohort.json records"):
        Cohort.open(cohort_folder)


def test_store_centres_slices_and_masks_the_rest(cohort_folder, tmp_path):
    cohort = Cohort.open(cohort_folder)
    pack(cohort, tmp_path / "store", n_slices=5)
    store = TensorStore.open(tmp_path / "store")
    assert store.images.shape == (2, 5, 5, 6, 7) and len(store) == 2
    assert store.slice_mask.tolist() == [[False, True, True, True, False], [True, True, True, True, False]]
    np.testing.assert_allclose(store.images[0, :, 1:4], cohort.cine("a-001"), atol=1e-3)
    assert (store.images[0, :, 0] == 0).all() and (store.labels[0, :, 0] == UNLABELLED).all()
    assert first_slice(3, 5) == 1


def test_store_refuses_a_stack_that_does_not_fit(cohort_folder, tmp_path):
    with pytest.raises(SynthaugError, match="does not fit"):
        pack(Cohort.open(cohort_folder), tmp_path / "store", n_slices=3)
    assert not (tmp_path / "store").exists()
