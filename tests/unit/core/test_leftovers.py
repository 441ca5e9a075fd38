"""What killed processes leave is removed by the next one; what a live one writes, or may write elsewhere, never."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from synthaug.core import leftovers
from synthaug.core.artifacts import atomic_file, atomic_folder, write_text
from synthaug.core.imports import PACKAGE
from synthaug.core.leftovers import DAYS, PARTIAL, find_partials, is_left_behind, owned_prefix, owner_of
from synthaug.core.process_identity import this_process

WRITER = """
import sys, time
from pathlib import Path
from synthaug.core.artifacts import atomic_folder, atomic_file
from synthaug.jobs.interruption import ending_in_order
from synthaug.core.leftovers import temporary_folder
folder = Path(sys.argv[1])
with ending_in_order(), temporary_folder("scratch") as scratch:
    with atomic_folder(folder / "store") as one, atomic_file(folder / "rows.tsv") as two:
        (one / "part").write_text("x")
        print(scratch, flush=True)
        time.sleep(60)
"""


def start_writing(folder: Path, temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert writer.stdout is not None
    return writer, Path(writer.stdout.readline().strip())


@pytest.fixture(autouse=True)
def look_again():
    """Each process looks once at a folder; each test is a process."""
    leftovers._clear.cache_clear()
    yield
    leftovers._clear.cache_clear()


def test_a_killed_process_leaves_what_the_next_one_removes(tmp_path, monkeypatch, capsys):
    results, temporary = tmp_path / "results", tmp_path / "tmp"
    results.mkdir(), temporary.mkdir()
    writer, scratch = start_writing(results, temporary)
    try:
        assert {owner_of(path.name).pid for path in find_partials(results)} == {writer.pid}
        write_text(results / "other.txt", "")
        assert len(list(find_partials(results))) == 2  # the writer lives
        leftovers._clear.cache_clear()
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    assert len(list(find_partials(results))) == 2 and scratch.is_dir()
    write_text(results / "other.txt", "")
    assert [path.name for path in results.iterdir()] == ["other.txt"]
    assert f"removed, left by process {writer.pid} on" in capsys.readouterr().err
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with leftovers.temporary_folder("scratch") as name:
        assert list(temporary.iterdir()) == [Path(name)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_process_that_is_told_to_stop_leaves_nothing(tmp_path, number):
    results, temporary = tmp_path / "results", tmp_path / "tmp"
    results.mkdir(), temporary.mkdir()
    writer, _ = start_writing(results, temporary)
    writer.send_signal(number)
    writer.send_signal(number)  # schedulers repeat themselves
    assert writer.wait(timeout=30) == 128 + number
    writer.stdout.close()
    assert not list(results.iterdir()) and not list(temporary.iterdir())


def named(folder: Path, pid: int | None = None, **other: str) -> Path:
    """A partial of a process that is this one but for some of its attributes; of nobody where `pid` is 0."""
    if pid == 0:
        return folder / f"{PARTIAL}abc.tsv"
    here = replace(this_process(), pid=pid or os.getpid(), **other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leftovers, "this_process", lambda: here)
        return folder / f"{owned_prefix(PARTIAL, 'rows.tsv', '.tsv')}abc.tsv"


@pytest.mark.parametrize(
    ("owner", "days", "left"),
    [
        ({}, 400, False),  # this process
        ({"pid": 2**22 + 1}, 0, True),
        ({"host": "another-host"}, DAYS - 1, False),
        ({"host": "another-host"}, DAYS + 1, True),
        ({"pid": 0}, DAYS - 1, False),  # names no owner
        ({"pid": 0}, DAYS + 1, True),
        ({"host": "another-host"}, -3, False),  # clocks differ
    ],
)
def test_owner_and_age_decide(tmp_path, owner, days, left):
    path = named(tmp_path, **owner)
    path.write_text("")
    then = time.time() - days * 86400
    os.utime(path, (then, then))
    assert is_left_behind(path) is left
    write_text(tmp_path / "rows.tsv", "")
    assert path.exists() is not left


def test_a_folder_is_as_old_as_its_newest_file(tmp_path):
    folder = named(tmp_path, host="another-host")
    folder.mkdir()
    (folder / "part").write_text("")
    then = time.time() - (DAYS + 1) * 86400
    os.utime(folder, (then, then))
    assert not is_left_behind(folder)
    os.utime(folder / "part", (then, then))
    assert is_left_behind(folder)


def test_names_hold_the_owner_keep_the_suffix_and_are_never_too_long(tmp_path):
    long = f"{'ä' * 120}.nii.gz"
    with atomic_file(tmp_path / long) as temporary, atomic_folder(tmp_path / "store~v1.0") as folder:
        assert temporary.name.endswith(".nii.gz") and temporary.suffixes == [".nii", ".gz"]
        for path in (temporary, folder):
            assert owner_of(path.name) == this_process() and len(path.name.encode()) <= 255
        temporary.write_text(json.dumps(1))
    assert (tmp_path / long).is_file() and (tmp_path / "store~v1.0").is_dir()


def test_foreign_names_have_no_owner():
    assert owner_of(".partial-x1y2.tsv") is None and owner_of(".partial-a~b~c~d~e~f") is None
    assert re.fullmatch(r"[^/]*", owned_prefix(PARTIAL, "x"))


def test_every_temporary_file_with_a_name_names_its_owner():
    """One that does not, a killed process leaves for ever."""
    named = {"TemporaryDirectory", "NamedTemporaryFile", "mkdtemp", "mkstemp"}
    calls = [
        (file.relative_to(PACKAGE).as_posix(), ast.unparse(node))
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in named
    ]
    assert "core/leftovers.py" in dict(calls)
    assert [call for call in calls if "prefix=owned_prefix(" not in call[1]] == []
