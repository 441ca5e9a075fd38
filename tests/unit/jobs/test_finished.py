"""Subjects that are finished are not made again after a kill, unless what they follow from changed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from synthaug.jobs.finished import FinishedSubjects, unfinished_folder


class Maker:
    """Copies a number, and counts for whom it did."""

    def __init__(self, source: Path, fails: str = "") -> None:
        self.source, self.fails = source, fails
        self.made: list[str] = []

    def run(self, folder: Path | None, output: Path, identity: str = "weights") -> list[object]:
        with FinishedSubjects(folder, {"weights": identity}, output) as finished:
            return [
                finished.of(who, [self.source], lambda place, who=who: self._make(place, who))[1]
                for who in "abc"
            ]

    def _make(self, place: Path, who: str) -> object:
        if who == self.fails:
            raise KeyboardInterrupt
        self.made.append(who)
        (place / "result.txt").write_text(who)
        return {"who": who, "unknown": math.nan}


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "cine"
    path.write_text("1")
    return path


@pytest.fixture
def kept(tmp_path, source) -> Path:
    """A run that was killed at the third subject."""
    with pytest.raises(KeyboardInterrupt):
        Maker(source, fails="c").run(tmp_path / "kept", tmp_path / "output")
    return tmp_path / "kept"


def test_a_killed_run_goes_on_with_the_next_subject_and_leaves_nothing(tmp_path, source, kept):
    again = Maker(source)
    found = again.run(kept, tmp_path / "output")
    assert again.made == ["c"]
    assert [entry["who"] for entry in found] == ["a", "b", "c"] and math.isnan(found[0]["unknown"])
    assert list(kept.iterdir()) == []


def test_another_identity_another_input_and_a_damaged_file_are_made_again(tmp_path, source, kept):
    (folder,) = kept.iterdir()
    (folder / "a" / "result.txt").write_text("b")
    (folder / "b" / "done.json").write_text('{"inputs": [')
    again = Maker(source, fails="c")
    with pytest.raises(KeyboardInterrupt):
        again.run(kept, tmp_path / "output")
    assert again.made == ["a", "b"]
    other = Maker(source)
    other.run(kept, tmp_path / "output", "other weights")
    assert other.made == ["a", "b", "c"]
    source.write_text("2")
    changed = Maker(source)
    changed.run(kept, tmp_path / "output")
    assert changed.made == ["a", "b", "c"]


def test_without_a_folder_nothing_is_kept(tmp_path, source):
    Maker(source).run(None, tmp_path / "new" / "output")
    assert list((tmp_path / "new").iterdir()) == []


def test_jobs_of_two_outputs_never_share_a_folder():
    one = unfinished_folder("results/s/tasks/t/synthetic/g", "code")
    assert one.as_posix().startswith("results/s/checkpoints/subjects/tasks/t/synthetic/g/")
    assert one != unfinished_folder("results/s/tasks/t/synthetic/g_sweep", "code")
    assert one != unfinished_folder("results/s/tasks/t/synthetic/g", "other code")
