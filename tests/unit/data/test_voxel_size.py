"""The voxel size of a cine: what is believed, what is repaired and what is refused."""

import pytest

from synthaug.data.findings import SubjectError
from synthaug.data.voxel_size import is_lost, is_plausible, settle_voxel_size

USUAL = (1.5, 1.5, 10.0)
LOST = (1.0, 1.0, 1.0)


def settle(told, others=None, declared=None, n_slices=7):
    return settle_voxel_size(told, others or {}, declared, n_slices, "p1", "cine.nii.gz")


def refused(*args, **options) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        settle(*args, **options)
    return caught.value


@pytest.mark.parametrize("size", [LOST, (0, 1.5, 10), (float("nan"), 1.5, 10), (1.5, -1, 10)])
def test_sizes_that_no_header_means_are_lost(size):
    assert is_lost(size) and not is_plausible(size, 7)


def test_slices_may_be_close_only_where_they_cover_a_ventricle():
    assert is_plausible((1.5, 1.5, 1.5), 60)  # a 3D acquisition
    assert not is_plausible((1.5, 1.5, 1.5), 7)  # a heart of one centimetre


def test_sizes_that_agree_are_taken_without_a_word():
    assert settle({"pixdim": USUAL, "sform": (1.501, 1.5, 10)}, {"labels": USUAL}) == (USUAL, [])


def test_the_only_possible_size_of_a_header_is_taken_and_said():
    size, (finding,) = settle({"pixdim": (1.5, 1.5, 1.0), "sform": USUAL})
    assert size == USUAL and finding.code == "voxel-size-repaired" and "sform" in finding.remedy


def test_other_files_decide_between_two_possible_sizes():
    told = {"pixdim": (1.5, 1.5, 8.0), "sform": USUAL}
    assert settle(told, {"frame": USUAL})[0] == USUAL
    assert refused(told).code == "voxel-size-disagrees"
    assert settle(told, declared=(1.4, 1.4, 9.0))[0] == (1.4, 1.4, 9.0)


def test_a_subject_whose_files_have_two_sizes_is_refused():
    assert refused({"pixdim": USUAL}, {"labels": (1.2, 1.2, 10.0)}).code == "voxel-size-disagrees"


def test_lost_sizes_come_from_other_files_or_the_study():
    assert settle({"pixdim": LOST}, {"frame": USUAL})[0] == USUAL
    assert settle({"pixdim": LOST}, declared=USUAL)[0] == USUAL
    assert refused({"pixdim": LOST}).code == "voxel-size-lost"


@pytest.mark.parametrize(
    ("factor", "word"),
    [(1e-3, "metres written as mm"), (0.1, "centimetres written as mm"), (1e3, "micrometres")],
)
def test_another_unit_is_named(factor, word):
    error = refused({"pixdim": tuple(factor * length for length in USUAL)})
    assert error.code == "voxel-size-implausible" and word in error.problem
