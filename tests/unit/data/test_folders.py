"""What lies below a dataset's root: links, leavings and files that are there twice."""

import os

from synthaug.data.readers.folders import image_stem, scan


def names(found) -> list[str]:
    return [file.relative_to(found.root).as_posix() for file in found.files]


def write(root, *places):
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("x")


def test_what_systems_leave_behind_is_ignored_with_its_reason(tmp_path):
    write(
        tmp_path,
        "a/cine.nii.gz",
        "a/._cine.nii.gz",
        "__MACOSX/a/._x",
        "Thumbs.db",
        "a/@eaDir/y",
        "a/cine.nii.gz.part",
    )
    found = scan(tmp_path)
    assert names(found) == ["a/cine.nii.gz"]
    assert {one.path.name: one.reason for one in found.ignored} == {
        "._cine.nii.gz": "left by macOS",
        "__MACOSX": "left by macOS",
        "Thumbs.db": "left by Windows",
        "@eaDir": "left by a file server",
        "cine.nii.gz.part": "unfinished or a backup",
    }


def test_the_uncompressed_twin_is_ignored(tmp_path):
    write(tmp_path, "a.nii", "a.nii.gz", "b.nii")
    found = scan(tmp_path)
    assert names(found) == ["a.nii.gz", "b.nii"] and [one.path.name for one in found.ignored] == ["a.nii"]


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    write(tmp_path / "disk", "x.nii")
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "a").symlink_to(tmp_path / "disk")
    (tmp_path / "root" / "b").symlink_to(tmp_path / "disk")
    (tmp_path / "root" / "sub" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "gone.nii").symlink_to(tmp_path / "nowhere")
    found = scan(tmp_path / "root")
    assert names(found) == ["a/x.nii", "gone.nii"]  # a link to nothing is a file that fails when it is read
    assert sorted(one.path.name for one in found.ignored) == ["b", "up"]


def test_a_link_beside_a_folder_is_the_other_name_whatever_comes_first(tmp_path):
    write(tmp_path, "sub-001/x.nii", "training/patient001/x.nii")
    (tmp_path / "latest").symlink_to("sub-001")
    (tmp_path / "aaa").symlink_to("training/patient001")
    found = scan(tmp_path)
    assert names(found) == ["sub-001/x.nii", "training/patient001/x.nii"]
    assert {one.path.name: one.reason for one in found.ignored} == {
        "latest": f"another name of {tmp_path / 'sub-001'}",
        "aaa": f"another name of {tmp_path / 'training' / 'patient001'}",
    }


def test_patterns_are_those_of_a_shell(tmp_path):
    write(tmp_path, "t.csv", "a/t.csv", "a/b/x [1].nii.gz", "a/{b}.nii")
    found = scan(tmp_path)
    assert found.matching("*.csv") == [tmp_path / "t.csv"]
    assert found.matching("**/*.csv") == [tmp_path / "a/t.csv", tmp_path / "t.csv"]
    assert found.matching("*.CSV") == [tmp_path / "t.csv"]  # as image_stem, whatever the case
    assert found.matching("a/**/*.nii*") == [tmp_path / "a/b/x [1].nii.gz", tmp_path / "a/{b}.nii"]


def test_stems(tmp_path):
    assert [image_stem(tmp_path / name) for name in ("a.nii.gz", "a.b.NII", "a.gz")] == ["a", "a.b", None]


def test_a_folder_that_cannot_be_listed_is_said(tmp_path, monkeypatch):
    write(tmp_path, "a/x.nii", "b/y.nii")
    listing = os.scandir

    def refusing(place):
        if str(place).endswith("b"):
            raise PermissionError(13, "Permission denied", str(place))
        return listing(place)

    monkeypatch.setattr(os, "scandir", refusing)
    found = scan(tmp_path)
    assert names(found) == ["a/x.nii"]
    assert [(one.path.name, one.reason) for one in found.ignored] == [
        ("b", "cannot be listed (Permission denied)")
    ]
