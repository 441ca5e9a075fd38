"""Good files, changed at random, are read or refused in one line: no traceback, no hang, no memory beyond four times the file.

`SYNTHAUG_MUTATIONS=10000 pytest -n 0 tests/unit/data/test_mutated_files.py` tries that many of each kind.
"""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import dicom_heart
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_files import affine, heart, write_acdc, write_mnms, write_nifti_folder

from synthaug.config.data import DatasetSettings
from synthaug.config.study import load_study
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import parse
from synthaug.core.yaml_files import read_yaml
from synthaug.data.load_subject import load_subject
from synthaug.data.orientation import orient_cine
from synthaug.data.readers import find_subjects, ignored_files
from synthaug.data.readers.base import RawCine

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = int(os.environ.get("SYNTHAUG_MUTATIONS", "60"))
#: Header fields end here; behind it voxels change nothing but the picture.
HEADER_BYTES = 352
MUTATING = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
#: What people, programs and broken disks put where something else stood.
PIECES = st.sampled_from(
    [b"", b"\0", b"\xff", b"\n", b",", b";", b"\t", b'"', b"nan", b"inf", b"-1", b"1e400", b"n/a", b"\xef\xbb\xbf", b"{", b"%"]
) | st.binary(max_size=8)  # fmt: skip


@st.composite
def mutations(draw, reach=None):
    """A function of bytes that changes, removes, repeats or cuts a few of them."""
    changes = draw(
        st.lists(
            st.tuples(
                st.floats(0, 1), st.integers(0, 12), PIECES, st.sampled_from(["put", "cut", "repeat", "end"])
            ),
            min_size=1,
            max_size=4,
        )
    )

    def mutate(content: bytes) -> bytes:
        for place, length, piece, kind in changes:
            at = int(place * min(len(content), reach or len(content)))
            if kind == "put":
                content = content[:at] + piece + content[at + len(piece) :]
            elif kind == "cut":
                content = content[:at] + content[at + length :]
            elif kind == "repeat":
                content = content[: at + length] + content[at:]
            else:
                content = content[: max(at, 1)]
        return content

    return mutate


def survives(layout, root) -> None:
    """Read a dataset as harmonisation does; every refusal is one line of the user's words."""
    configured = parse({"layout": layout, "root": str(root)}, DatasetSettings)
    try:
        subjects = find_subjects(configured, root)
    except SynthaugError as error:
        assert "\n" not in str(error)
        return
    ignored_files(configured, root, subjects)
    for subject in subjects:
        try:
            raw = load_subject(subject)
            orient_cine(raw, subject.ed_frame, subject.es_frame)
        except SynthaugError as error:
            assert "\n" not in str(error) and error.code != "reader-failed", str(error)
        else:
            assert isinstance(raw, RawCine) and np.isfinite(raw.image).all()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One dataset a layout, and the bytes of its files as they were."""
    root = tmp_path_factory.mktemp("mutated")
    write_acdc(root / "acdc")
    write_mnms(root / "mnms")
    write_nifti_folder(root / "nifti")
    dicom_heart.write(root / "dicom", dicom_heart.cine(frames=6))
    (root / "nifti" / "subjects.tsv").write_text(
        "subject\tage\ted_frame\tes_frame\tvendor\n01\t61\t0\t3\tGE\n"
    )
    return root


def mutate_one(folders, layout, pattern, mutate, compressed=False):
    (file,) = (folders / layout).glob(pattern)
    good = file.read_bytes()
    try:
        file.write_bytes(gzip.compress(mutate(gzip.decompress(good)), 1) if compressed else mutate(good))
        survives(layout, folders / layout)
    finally:
        file.write_bytes(good)


#: Which file of which layout is changed, how far into it, and whether its decompressed bytes are.
CHANGED = {
    "headers of cines": ("nifti", "**/*_cine.nii.gz", HEADER_BYTES, True),
    "headers of labels": ("mnms", "**/*_gt.nii.gz", HEADER_BYTES, True),
    "compressed bytes": ("acdc", "**/*_frame03.nii.gz", None, False),
    "tables with commas": ("mnms", "*.csv", None, False),
    "tables with tabs": ("nifti", "*.tsv", None, False),
    "Info.cfg": ("acdc", "**/Info.cfg", None, False),
}


@pytest.mark.parametrize("kind", CHANGED)
@MUTATING
@given(data=st.data())
def test_changed_files(folders, kind, data):
    layout, pattern, reach, compressed = CHANGED[kind]
    mutate_one(folders, layout, pattern, data.draw(mutations(reach)), compressed)


@settings(MUTATING, max_examples=max(EXAMPLES // 4, 1))  # a subject has 42 files
@given(mutate=mutations(2000))
def test_dicom_headers(folders, mutate):
    first = dicom_heart.files(folders / "dicom" / "case1")[0].relative_to(folders / "dicom")
    mutate_one(folders, "dicom", str(first), mutate)


@MUTATING
@given(mutate=mutations())
def test_study_files(tmp_path_factory, mutate):
    file = tmp_path_factory.getbasetemp() / "study.yaml"
    file.write_bytes(mutate((REPOSITORY / "config" / "studies" / "tiny.yaml").read_bytes()))
    try:
        content = read_yaml(file)
        if isinstance(content, dict):
            load_study(content)
    except SynthaugError as error:
        assert str(error)


def test_reading_takes_at_most_four_times_the_file(tmp_path):
    import nibabel as nib

    image = nib.Nifti1Image(np.tile(heart()[0].T, (4, 4, 1, 2)).astype(np.int16), affine())
    nib.save(image, tmp_path / "sub-01_cine.nii")
    from synthaug.data.nifti import read_nifti

    tracemalloc.start()
    read_nifti(tmp_path / "sub-01_cine.nii", "p1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * (tmp_path / "sub-01_cine.nii").stat().st_size
