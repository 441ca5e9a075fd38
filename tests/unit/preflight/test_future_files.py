"""Files of a time to come keep their order, so that nothing reruns, and nothing is older than what it is made of."""

from __future__ import annotations

import os
import time

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.preflight import future_files
from synthaug.preflight.future_files import bring_back, check_inputs

HOUR_NS = 3600 * 10**9


@pytest.fixture
def results(tmp_path):
    """Files in order of time: two of the past, four of a time to come, two of them of one time, in two folders."""
    now = time.time_ns()
    hours = {"a": -5, "b": -1, "c/d": 1, "e": 30, "c/f": 30, "g": 92}
    (tmp_path / "c").mkdir()
    for name, ahead in hours.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(now + ahead * HOUR_NS,) * 2)
    return tmp_path


def test_the_order_of_all_files_stays_and_none_is_of_a_time_to_come(results):
    before = {name: (results / name).stat().st_mtime_ns for name in ("a", "b")}
    line = bring_back(results)
    assert line == (
        f"{results}: 4 files were of a time to come, up to 3.8 days ahead of the file system's clock, which was set back; "
        "they are of now, in the order in which they were made"
    )
    times = [(results / name).stat().st_mtime_ns for name in ("a", "b", "c/d", "e", "c/f", "g")]
    assert times == sorted(times) and len(set(times)) == 5 and times[3] == times[4]
    assert times[-1] <= time.time_ns()
    # A script or input of a minute ago stays older than what was made of it.
    assert times[2] > time.time_ns() - 60 * 10**9
    assert before == {name: (results / name).stat().st_mtime_ns for name in before}
    assert bring_back(results) is None


def test_links_have_times_of_their_own(results):
    (results / "link").symlink_to("a")
    os.utime(results / "link", ns=(time.time_ns() + HOUR_NS,) * 2, follow_symlinks=False)
    before = (results / "a").stat().st_mtime_ns
    bring_back(results)
    assert (results / "link").lstat().st_mtime_ns <= time.time_ns()
    assert (results / "a").stat().st_mtime_ns == before


def test_results_that_are_all_of_a_time_to_come_stay_newer_than_scripts_and_inputs(results):
    for name in ("a", "b"):
        (results / name).unlink()
    bring_back(results)
    times = [(results / name).stat().st_mtime_ns for name in ("c/d", "e", "c/f", "g")]
    assert times == sorted(times) and time.time_ns() - 60 * 10**9 < times[0] <= times[-1] <= time.time_ns()


def test_results_of_today_or_none_are_left_alone(tmp_path):
    (tmp_path / "now").touch()
    assert bring_back(tmp_path) is None and bring_back(tmp_path / "missing") is None
    ahead = time.time_ns() + 3 * 10**8  # as clocks of servers differ
    os.utime(tmp_path / "now", ns=(ahead, ahead))
    assert bring_back(tmp_path) is None and (tmp_path / "now").stat().st_mtime_ns == ahead
    check_inputs([tmp_path / "now"])


def test_anothers_file_is_one_line(results, monkeypatch):
    def refuse(*arguments, **how):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(future_files.os, "utime", refuse)
    with pytest.raises(SynthaugError, match=r"3.8 days ahead .*cannot be set \(Operation not permitted\)"):
        bring_back(results)


def test_a_users_file_of_a_time_to_come_is_named_and_left_as_it_is(results):
    before = (results / "g").stat().st_mtime_ns
    with pytest.raises(
        SynthaugError, match=rf"^{results}/g: is of a time to come, 3.8 days .*\(2 such files\)"
    ):
        check_inputs([results / "a", results / "c" / "d", results / "g", results / "missing", results])
    assert (results / "g").stat().st_mtime_ns == before
    check_inputs([results / "a"])
