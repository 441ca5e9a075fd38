"""Finished trainings, kept beside their declared outputs: a job that asks for the same one again takes it.

Snakemake deletes an output before its job runs again, also where what the job reads was only written anew: a longer
synthetic cohort gives an arm the same cines as before. What is kept has hard links, so that it takes disk only while it differs from the
output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import atomic_folder, link_or_copy, sha256_file, sha256_json
from synthaug.core.disk import CannotWriteError
from synthaug.jobs.finished import DONE

#: Where below ``checkpoints/`` finished trainings are kept, and their files there.
TRAINED, _FILES = "trained", "files"


def trained_folder(output: str | Path) -> Path:
    """Where the training of an output is kept: ``results/<study>/checkpoints/trained/``, by its output."""
    parts = Path(output).parts
    return Path(*parts[:2], "checkpoints", TRAINED, *parts[2:])


def keep_trained(output: str | Path, identity: Mapping[str, Any]) -> None:
    """Keep a finished training, in the place of the one that was kept before; where the disk forbids it, none.

    Parameters
    ----------
    output : path
        Folder of the training, ``results/<study>/...``.
    identity : mapping
        What its weights follow from; JSON-able.
    """
    output, files = Path(output), {}
    try:
        with atomic_folder(trained_folder(output)) as kept:
            for file in sorted(path for path in output.rglob("*") if path.is_file()):
                name = file.relative_to(output).as_posix()
                files[name] = sha256_file(file)
                _second_name(file, kept / _FILES / name)
            done = {"identity": sha256_json(identity), "files": files}
            (kept / DONE).write_text(json.dumps(done), encoding="utf-8")
    except CannotWriteError as error:  # the training itself is whole
        print(f"not kept for later runs: {error}", file=sys.stderr)


def take_trained(output: str | Path, identity: Mapping[str, Any]) -> bool:
    """Make an output of the training that is kept of it, where that is the same one and undamaged.

    Parameters
    ----------
    output : path
        Folder ``results/<study>/...``; written atomically.
    identity : mapping
        As for `keep_trained`.

    Returns
    -------
    bool
        Whether it was made. False: nothing is kept, it is another training, or a file of it is not what it was.
    """
    kept = trained_folder(output)
    try:
        done = json.loads((kept / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if done["identity"] != sha256_json(identity):
        return False
    for name, digest in done["files"].items():
        file = kept / _FILES / name
        if not file.is_file() or sha256_file(file) != digest:
            print(f"{file}: not what was kept; training again", file=sys.stderr)
            return False
    with atomic_folder(output) as folder:
        for name in done["files"]:
            _second_name(kept / _FILES / name, folder / name)
            os.utime(folder / name)  # an output is newer than what it is made of
    print(
        f"not trained again: {kept} has this training, of the same data, settings and code", file=sys.stderr
    )
    return True


def _second_name(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(file, target)
