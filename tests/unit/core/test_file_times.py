"""How old a file is, by the clock that set its time, whatever this machine's clock says."""

from __future__ import annotations

import os
import time

import pytest

from synthaug.core import file_times
from synthaug.core.file_times import age_days, file_system_time
from synthaug.core.leftovers import clear_left_behind
from synthaug.jobs.checkpoints import clear_abandoned
from synthaug.jobs.lease import lease

DAY_S = 86400
JUMPS = [-400 * DAY_S, -2 * 3600, 2 * 3600, 400 * DAY_S]


@pytest.fixture(params=JUMPS, ids=lambda seconds: f"{seconds / 3600:+.0f}h")
def jumped(request, monkeypatch):
    """This machine's clock, after it jumped."""
    real = time.time
    monkeypatch.setattr(file_times.time, "time", lambda: real() + request.param)


@pytest.mark.usefixtures("jumped")
def test_a_new_file_is_new_after_the_clock_of_this_machine_jumped(tmp_path):
    (tmp_path / "file").touch()
    assert age_days(tmp_path / "file") < 1 / 24
    os.utime(tmp_path / "file", ns=(0, (tmp_path / "file").stat().st_mtime_ns - 3 * DAY_S * 10**9))
    assert age_days(tmp_path / "file") == pytest.approx(3, abs=0.04)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("jumped")
def test_partials_of_other_machines_are_not_removed_because_this_clock_jumped(tmp_path):
    partial = tmp_path / ".partial-rows~another-machine~7~~~x"
    partial.touch()
    clear_left_behind(tmp_path)
    assert partial.exists()


def test_a_time_to_come_is_no_age(tmp_path):
    """Their clock, or that of the file server, was set back."""
    (tmp_path / "file").touch()
    os.utime(tmp_path / "file", (4e9, 4e9))
    assert age_days(tmp_path / "file") == 0 and age_days(tmp_path / "gone") == 0


def test_where_nothing_can_be_written_it_is_this_machines_clock(tmp_path):
    assert abs(file_system_time(tmp_path / "missing") - time.time()) < 60


def test_checkpoints_in_which_a_process_trains_are_not_abandoned(tmp_path):
    """Though their files look old, as after the file server's clock jumped."""
    own, other = tmp_path / "new", tmp_path / "before"
    with lease(other, interval_s=1000):
        for file in (other, other / "lease.json"):
            os.utime(file, (1e9, 1e9))
        clear_abandoned(own)
        assert (other / "lease.json").exists()
    other.mkdir(exist_ok=True)
    os.utime(other, (1e9, 1e9))
    clear_abandoned(own)
    assert not other.exists()
