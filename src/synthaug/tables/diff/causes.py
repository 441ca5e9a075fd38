"""Why two table versions differ, as far as they recorded it: configuration, code, data, environment, seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from synthaug.core.artifacts import read_json, read_tsv
from synthaug.core.errors import SynthaugError

ABSENT = "(absent)"
#: Files of a version that say where its rows come from.
RECORDS = (
    "configuration.yaml",
    "provenance.json",
    "code_manifest.tsv",
    "data_manifest.tsv",
    "environment.lock",
    "trainings.tsv",
)
#: How a reason of kind machine begins that tells what a training ran on.
DEVICE = "device of "


class Reason(NamedTuple):
    """A recorded fact that differs.

    Attributes
    ----------
    kind : str
        configuration, seeds, code, data, environment, machine, trainings, or unrecorded.
    what : str
        The key, file, package or training.
    before, after : str
        What it was and what it is; ``(absent)`` where a version does not have it.
    """

    kind: str
    what: str
    before: str
    after: str


def explain(before: Path, after: Path) -> list[Reason]:
    """Recorded facts that differ between two table versions.

    Parameters
    ----------
    before, after : Path
        Folders of the versions.

    Returns
    -------
    list of Reason
        Seeds and configuration by dotted key, code by commit and file, data by cohort and file,
        packages, machine, and trainings whose device or weights differ. A fact that one version
        did not record has the kind ``unrecorded``.
    """
    found: list[Reason] = []
    for part in (_configuration, _code, _data, _environment, _machine, _trainings, _unrecorded):
        found += part(before, after)
    return found


def flatten(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings by dotted path; lists of plain values and empty mappings are leaves."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(content, list) and any(isinstance(value, dict | list) for value in content):
        for number, value in enumerate(content):
            yield from flatten(value, f"{path}.{number}")
    else:
        yield path, content


def _configuration(before: Path, after: Path) -> Iterator[Reason]:
    def read(path: Path) -> dict[str, str]:
        leaves = flatten(yaml.safe_load(path.read_text(encoding="utf-8")))
        return {key: str(value) for key, value in leaves}

    for what, old, new in _both("configuration.yaml", before, after, read):
        is_seed = what.rsplit(".", 1)[-1].endswith(("seed", "seeds"))
        yield _reason("seeds" if is_seed else "configuration", what, old, new)


def _code(before: Path, after: Path) -> Iterator[Reason]:
    def commit(path: Path) -> dict[str, str]:
        state = read_json(path).get("git") or {}
        if not state.get("commit"):
            return {}
        edited = " with edits" if state.get("dirty") else ""
        return {"commit": f"{state['commit']}{edited}"}

    yield from _listed("code", "provenance.json", before, after, commit)
    yield from _listed("code", "code_manifest.tsv", before, after, _hashes("file"))


def _data(before: Path, after: Path) -> Iterator[Reason]:
    yield from _listed("data", "data_manifest.tsv", before, after, _hashes("kind", "name", "subject", "file"))


def _environment(before: Path, after: Path) -> Iterator[Reason]:
    def packages(path: Path) -> dict[str, str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return dict(line.split("==", 1) for line in lines if "==" in line)

    def python(path: Path) -> dict[str, str]:
        record = read_json(path)
        return {"python": record["python"]} if "python" in record else {}

    yield from _listed("environment", "environment.lock", before, after, packages)
    yield from _listed("environment", "provenance.json", before, after, python)


def _machine(before: Path, after: Path) -> Iterator[Reason]:
    def machine(path: Path) -> dict[str, str]:
        return {key: str(value) for key, value in (read_json(path).get("machine") or {}).items()}

    yield from _listed("machine", "provenance.json", before, after, machine)


def _trainings(before: Path, after: Path) -> Iterator[Reason]:
    def trainings(path: Path) -> dict[str, tuple[str, str]]:
        table = read_tsv(path, ("role", "name", "device", "torch", "weights_sha256"))
        found = {}
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            seeds = [
                f"{seed.replace('_', ' ')} {int(row[seed])}"
                for seed in ("generator_seed", "training_seed")
                if row[seed] is not None
            ]
            name = ", ".join([f"{row['role']} {row['name']}, fold {row['fold']}", *seeds])
            found[name] = (str(row["weights_sha256"])[:12], str(row["device"]))
        return found

    def weights(path: Path) -> dict[str, str]:
        return {name: f"weights {digest}" for name, (digest, _) in trainings(path).items()}

    def devices(path: Path) -> dict[str, str]:
        return {f"{DEVICE}{name}": device for name, (_, device) in trainings(path).items()}

    yield from _listed("trainings", "trainings.tsv", before, after, weights)
    for reason in _listed("machine", "trainings.tsv", before, after, devices):
        if ABSENT not in reason:  # a training that only one version has is told already
            yield reason


def _hashes(*columns: str) -> Callable[[Path], dict[str, str]]:
    def read(path: Path) -> dict[str, str]:
        table = read_tsv(path, (*columns, "sha256"))
        return {
            " ".join(str(row[column]) for column in columns if not pd.isna(row[column])): str(row["sha256"])[
                :12
            ]
            for row in table.to_dict("records")
        }

    return read


def _listed(
    kind: str, name: str, before: Path, after: Path, read: Callable[[Path], dict[str, str]]
) -> Iterator[Reason]:
    for what, old, new in _both(name, before, after, read):
        yield _reason(kind, what, old, new)


def _both(
    name: str, before: Path, after: Path, read: Callable[[Path], dict[str, str]]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Entries that differ of a file that both versions have."""
    if not ((before / name).is_file() and (after / name).is_file()):
        return
    old, new = (_read(folder / name, read) for folder in (before, after))
    for what in sorted({*old, *new}):
        if old.get(what) != new.get(what):
            yield what, old.get(what), new.get(what)


def _read(path: Path, read: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    try:
        return read(path)
    except KeyError as error:
        raise SynthaugError(
            f"{path}: lacks {error.args[0]!r}: another version of synthaug collated it; collate the study again to compare it"
        ) from None


def _unrecorded(before: Path, after: Path) -> Iterator[Reason]:
    for name in RECORDS:
        old, new = ("recorded" if (folder / name).is_file() else ABSENT for folder in (before, after))
        if old != new:
            yield Reason("unrecorded", name, old, new)


def _reason(kind: str, what: str, old: str | None, new: str | None) -> Reason:
    return Reason(kind, what, ABSENT if old is None else old, ABSENT if new is None else new)
