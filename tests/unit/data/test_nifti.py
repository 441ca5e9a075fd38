import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from raw_files import affine, save

from synthaug.data import nifti
from synthaug.data.findings import SubjectError
from synthaug.data.nifti import read_nifti

VALUES = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)


def rewrite(path, change):
    """Change the decompressed bytes of a file and compress them again."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(bytes(change(content) or content)))


def put(fmt, offset, *values):
    """A change that writes values at a byte offset of the header."""
    return lambda content: struct.pack_into("<" + fmt, content, offset, *values)


def refused(path) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        read_nifti(path, "p1")
    error = caught.value
    assert str(error).count("\n") == 0 and "p1" in str(error) and str(path) in str(error) and error.remedy
    return error


@pytest.mark.parametrize("name", ["cine.nii.gz", "cine.nii"])
def test_values_geometry_and_duration_come_back(tmp_path, name):
    image = nib.Nifti1Image(VALUES, affine(voxel=(1.5, 1.25, 8)))
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 40
    nib.save(image, tmp_path / name)
    read = read_nifti(tmp_path / name, "p1")
    assert np.array_equal(read.array, VALUES)
    assert read.voxel_size_mm == (1.5, 1.25, 8)
    assert read.frame_duration_s == pytest.approx(0.04)
    assert read.affine[0, 0] == -1.5


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f8", "u1"])
def test_every_number_format_is_read(tmp_path, kind, dtype):
    header = kind.header_class(endianness=">" if dtype[0] == ">" else "<")
    nib.save(kind(VALUES.astype(dtype), affine(), header), tmp_path / "a.nii.gz")
    assert np.array_equal(read_nifti(tmp_path / "a.nii.gz", "p1").array, VALUES)


def test_scale_factors_are_applied(tmp_path):
    image = nib.Nifti1Image(VALUES, affine())
    image.header.set_slope_inter(0.5, 10)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(image.to_bytes()))
    assert np.allclose(read_nifti(tmp_path / "a.nii.gz", "p1").array, VALUES * 0.5 + 10)


def test_metres_become_millimetres(tmp_path):
    image = nib.Nifti1Image(VALUES, affine(voxel=(0.0015, 0.0015, 0.01)))
    image.header.set_xyzt_units("meter", "sec")
    nib.save(image, tmp_path / "a.nii.gz")
    read = read_nifti(tmp_path / "a.nii.gz", "p1")
    assert read.voxel_size_mm == pytest.approx((1.5, 1.5, 10))
    assert np.linalg.norm(read.affine[:3, 2]) == pytest.approx(10)


def test_a_truncated_file_is_refused_although_its_header_is_whole(tmp_path):
    path = save(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 9999, (20, 20, 5, 5)))
    path.write_bytes(path.read_bytes()[:-200])
    assert nib.load(path).shape == (20, 20, 5, 5)  # what a lazy reader would say
    assert "truncated" in refused(path).problem


def test_a_stream_that_ends_early_is_refused(tmp_path):
    path = save(tmp_path / "a.nii.gz", VALUES)
    rewrite(path, lambda content: content[:-2])
    assert "truncated" in refused(path).problem


def test_a_flipped_bit_fails_the_checksum(tmp_path):
    path = save(tmp_path / "a.nii.gz", VALUES)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the stored CRC: the data decompress without complaint
    path.write_bytes(content)
    assert "corrupted" in refused(path).problem


def test_bytes_beyond_the_announced_ones_are_refused(tmp_path):
    path = save(tmp_path / "a.nii.gz", VALUES)
    rewrite(path, lambda content: content + b"\0")
    assert "longer" in refused(path).problem


def test_a_decompression_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = save(tmp_path / "a.nii.gz", np.zeros((64, 64, 8, 8)))
    monkeypatch.setattr(nifti, "MAX_BYTES", 2**18)
    assert "announces" in refused(path).problem


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_not_finite_are_counted(tmp_path, value):
    array = VALUES.astype(np.float32)
    array[0, 0, 0, :2] = value
    assert "2 voxels are not finite" in refused(save(tmp_path / "a.nii.gz", array, dtype=np.float32)).problem


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_scale_factor_of_zero_means_unscaled(tmp_path, slope):
    path = save(tmp_path / "a.nii.gz", VALUES)
    rewrite(path, put("ff", 112, slope, slope))
    assert np.array_equal(read_nifti(path, "p1").array, VALUES)


#: Field -> (struct format, offset, value) that no writer means.
GARBAGE = {
    "datatype": ("h", 70, 26996),
    "xyzt_units": ("B", 123, 255),
    "vox_offset": ("f", 108, np.inf),
    "scl_slope": ("f", 112, np.inf),
    "dim[0]": ("h", 40, 9),
}


@pytest.mark.parametrize("field", GARBAGE)
def test_garbage_in_a_header_field_is_named(tmp_path, field):
    path = save(tmp_path / "a.nii.gz", VALUES)
    rewrite(path, put(*GARBAGE[field]))
    error = refused(path)
    assert error.code == "header-damaged" and field in error.problem


def test_a_qform_that_rounding_made_no_rotation_is_read(tmp_path):
    path = save(tmp_path / "a.nii.gz", VALUES)
    rewrite(path, put("hh", 252, 1, 0))  # the qform only
    rewrite(path, put("fff", 256, 0.70711, 0.70711, 0.0))  # b^2 + c^2 = 1.000009
    turned = read_nifti(path, "p1").affine[:3, :3] / (1.5, 1.5, 10)
    assert np.allclose(turned, [[0, 1, 0], [1, 0, 0], [0, 0, -1]], atol=1e-4)


def test_a_fifth_dimension_is_read_where_one_of_two_is_single(tmp_path):
    image = nib.Nifti1Image(VALUES[:, :, :, None], affine())
    nib.save(image, tmp_path / "a.nii.gz")
    assert np.array_equal(read_nifti(tmp_path / "a.nii.gz", "p1").array, VALUES)


#: Content -> code and a word of the remedy.
NO_NIFTI = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n": ("file-pointer", "git lfs pull"),
    b"/annex/objects/MD5E-s12--abc.nii.gz\n": ("file-pointer", "annex"),
    b"<!DOCTYPE html><html>Please log in</html>": ("file-format", "download"),
    b"PK\x03\x04" + b"\0" * 40: ("file-format", "unpack"),
    b"\0" * 128 + b"DICM" + b"\2" * 90: ("file-format", "dicom"),
    b"": ("file-format", "copy"),
    gzip.compress(gzip.compress(b"x" * 400)): ("file-compressed-twice", "gunzip"),
}


@pytest.mark.parametrize("content", NO_NIFTI, ids=range(len(NO_NIFTI)))
def test_what_is_no_nifti_gets_the_remedy_that_fits(tmp_path, content):
    (tmp_path / "a.nii.gz").write_bytes(content)
    error = refused(tmp_path / "a.nii.gz")
    code, word = NO_NIFTI[content]
    assert error.code == code and word in error.remedy


def test_a_link_to_nothing_is_no_missing_file(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to("../.git/annex/objects/x")
    assert refused(tmp_path / "a.nii.gz").code == "file-pointer"


def test_other_files_are_refused(tmp_path):
    assert "missing" in refused(tmp_path / "absent.nii.gz").problem
    (tmp_path / "a.nii.gz").write_bytes(b"\x80\x04cposix\nsystem\n." * 100)  # the beginning of a pickle
    assert "not a NIfTI" in refused(tmp_path / "a.nii.gz").problem
    assert "dimensions" in refused(save(tmp_path / "c.nii.gz", np.zeros((2, 2, 2, 2, 2)))).problem
    assert "type" in refused(save(tmp_path / "d.nii.gz", VALUES, dtype=np.complex64)).problem


def test_a_header_with_absurd_sizes_is_refused(tmp_path):
    path = save(tmp_path / "a.nii.gz", VALUES)

    def enlarge(content):
        content[42:44] = np.int16(-5).tobytes()

    rewrite(path, enlarge)
    assert "dimensions" in refused(path).problem
