"""A disk that takes no more is one line, leaves nothing behind, and is found out before a file is mapped."""

from __future__ import annotations

import errno
import os
import pickle
import signal

import numpy as np
import pytest

from synthaug.core.artifacts import atomic_file, atomic_folder, write_text
from synthaug.core.disk import CannotWriteError, as_cannot_write, reserved_memmap, write_failure
from synthaug.jobs.interruption import ending_in_order

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FULL, "No space left on device"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "Disk quota exceeded"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "x"), "Read-only file system"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "No space left on device"),
        (
            RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0"),
            "PytorchStreamWriter",
        ),
        (OSError("300 requested and 0 written"), "requested and 0 written"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "No usable temporary"),
        (OSError(errno.ENOENT, "No such file"), None),
        (RuntimeError("shapes differ"), None),
    ],
)
def test_failed_writes_are_known_by_the_system_and_by_what_libraries_say(error, reason):
    found = write_failure(error)
    assert found is None if reason is None else reason in (found or "")


def test_a_cause_counts():
    try:
        try:
            raise FULL
        except OSError as error:
            raise ValueError("not saved") from error
    except ValueError as error:
        assert write_failure(error) == "No space left on device"


@pytest.mark.parametrize("kind", [atomic_file, atomic_folder])
def test_a_full_disk_names_the_file_that_was_to_be_and_leaves_the_old_one(tmp_path, kind):
    with kind(tmp_path / "kept") as temporary:
        (temporary if kind is atomic_file else temporary / "a").write_text("old")
    with pytest.raises(CannotWriteError) as caught, kind(tmp_path / "kept"):
        raise FULL
    assert str(caught.value) == (
        f"{tmp_path / 'kept'}: cannot be written (No space left on device); free space or name another folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_file_within_a_folder_is_said_as_the_folder(tmp_path):
    with (
        pytest.raises(CannotWriteError, match=f"{tmp_path / 'cohort'}: cannot"),
        atomic_folder(tmp_path / "cohort") as folder,
        atomic_file(folder / "cine.npy"),
    ):
        raise FULL
    assert not list(tmp_path.iterdir())


def test_another_place_that_is_full_is_named(tmp_path):
    with pytest.raises(CannotWriteError, match="/scratch/x: cannot"), atomic_file(tmp_path / "a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch/x")


def test_other_errors_pass(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a"):
        (tmp_path / "nothing").read_text()


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError, match="make it writable or name another folder"):
        write_text(tmp_path / "file" / "below", "text")


def test_the_error_crosses_processes():
    error = pickle.loads(pickle.dumps(CannotWriteError("a", "No space left on device")))
    assert str(error).startswith("a: cannot be written (No space left on device)")


def test_rights_are_said_by_their_file():
    found = as_cannot_write(PermissionError(errno.EACCES, "Permission denied", "/data/x"), "out")
    assert str(found).startswith("/data/x: cannot be written (Permission denied)")
    assert as_cannot_write(ValueError("of another sort"), "out") is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_map_without_space_is_an_error_not_a_signal(tmp_path, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match=os.strerror(number)):
        reserved_memmap(tmp_path / "a.npy", np.float16, (10, 10))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("supported", [True, False])
def test_a_map_has_its_space_whatever_the_file_system_can(tmp_path, monkeypatch, supported):
    if not supported:

        def refuse(*arguments):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

        monkeypatch.setattr(os, "posix_fallocate", refuse)
    array = reserved_memmap(tmp_path / "a.npy", np.float32, (600, 1000))
    assert not array.any()
    array[599, 999] = 1
    array.flush()
    held = (tmp_path / "a.npy").stat()
    assert held.st_blocks * 512 >= 600 * 1000 * 4 and held.st_size == array.offset + array.nbytes
    assert np.load(tmp_path / "a.npy").sum() == 1


def test_a_scheduler_that_ends_a_job_leaves_nothing_half_written(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped, ending_in_order(), atomic_folder(tmp_path / "a") as folder:
        (folder / "b").write_text("half")
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.code == 128 + signal.SIGTERM and not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before
