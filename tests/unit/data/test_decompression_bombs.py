"""Files that become much larger than they are: no more is decompressed than a header announces, and headers are bounded."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from io import BytesIO

import dicom_heart
import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.nifti import read_nifti
from synthaug.data.readers import dicom_files
from synthaug.data.stored_nifti import read_voxels

ZEROS = bytes(160 * 2**20)  # 160 kB as gzip
HEADER, TO_VOXELS = 348, 352
#: What two readers may hold of a file that they refuse: a piece of it, and what decompresses it.
FEW = 48 * 2**20


def nifti(shape, voxels: bytes) -> bytes:
    """A gzipped file whose header says `shape` of int16, and what follows it."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    header["vox_offset"] = TO_VOXELS
    return gzip.compress(header.binaryblock + bytes(TO_VOXELS - HEADER) + voxels, compresslevel=1)


@pytest.fixture
def cohort(tmp_path):
    """A cohort of one subject without labels, as another group may hand it over."""
    write_subject(tmp_path / "c" / "sub-a", np.zeros((2, 3, 4, 5)), {}, (8, 2, 2))
    write_cohort(tmp_path / "c", "c", "real", [{"subject": "a", "n_slices": 3}], (8, 2, 2))
    return Cohort.open(tmp_path / "c")


@pytest.mark.parametrize(
    "shape, voxels, problem",
    [
        ((2, 2, 2, 2), ZEROS, "longer than its header says"),
        ((32767, 32767, 32767, 32767), b"", r"announces .* GiB"),
        (
            (1024, 1024, 512, 2),
            bytes(1000),
            "ends before its voxels do|truncated",
        ),  # 2 GiB, which may be read
        ((-4, -4, 2, 2), bytes(128), r"announces|dimensions"),
    ],
)
def test_no_more_is_decompressed_than_the_header_announces(cohort, shape, voxels, problem):
    file = cohort.folders["a"] / "cine.nii.gz"
    file.write_bytes(nifti(shape, voxels))
    for read in (lambda: cohort.cine("a"), lambda: read_nifti(file, "a")):
        tracemalloc.start()
        with pytest.raises(SynthaugError) as refused:
            read()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        line = str(refused.value)
        assert re.search(problem, line) and str(file) in line and "\n" not in line
        assert peak < FEW


def test_a_header_alone_does_not_take_memory(cohort):
    file = cohort.folders["a"] / "cine.nii.gz"
    assert cohort.label_cine("a").shape == (2, 3, 4, 5)  # by the header of the cine
    file.write_bytes(nifti((32767, 32767, 32767, 32767), b""))
    with pytest.raises(SynthaugError, match=r"cine\.nii\.gz: damaged or cut short \(the header announces"):
        cohort.label_cine("a")


def test_files_that_are_what_they_say_are_read(tmp_path):
    file = tmp_path / "a.nii.gz"
    values = np.arange(24, dtype=np.int16)
    file.write_bytes(nifti((4, 3, 2), values.tobytes()))
    assert np.array_equal(read_voxels(file), values.reshape(2, 3, 4))


def test_a_deflated_dicom_file_is_inflated_to_a_bound(tmp_path, monkeypatch):
    file = dicom_heart.write(tmp_path)[0]
    whole = dicom_files.read_dataset(file.read_bytes())
    whole.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = BytesIO()
    whole.save_as(stream)
    assert dicom_files.read_dataset(stream.getvalue()).pixel_array.tobytes() == whole.pixel_array.tobytes()
    monkeypatch.setattr(dicom_files, "LARGEST_FILE", len(whole.PixelData))  # the header goes beyond it
    with pytest.raises(dicom_files.DamagedDicom, match="is larger than 2 GiB when it is inflated"):
        dicom_files.read_dataset(stream.getvalue())
