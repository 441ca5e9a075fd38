"""Results whose records Snakemake has lost: it would not see that their configuration changed."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import read_json, write_json
from synthaug.core.errors import SynthaugError

#: The resolved study as the last run declared it, in ``results/<study>``.
CONFIGURATION = "configuration.json"
#: Outputs that decide what all others are: one a split, cohort and training, so that a large study has few of them too.
_JUDGED = (
    "splits/fold-*.tsv",
    "cohorts/*",
    "models/*/fold-*/generator-seed-*/model.safetensors",
    "synthetic/*/fold-*/generator-seed-*/cohort",
    "tasks/*/fold-*/arms/*/generator-seed-*/training-seed-*/model",
)
_SHOWN = 3  # keys that a message names


def write_configuration(results: str | Path, study: Mapping[str, Any]) -> None:
    """Keep the resolved study beside its results, for `check_records`."""
    write_json(Path(results) / CONFIGURATION, study)


def check_records(results: str | Path, study: Mapping[str, Any], records: str | Path) -> None:
    """Refuse results of another configuration where Snakemake has no record of how they were made.

    With records Snakemake finds what changed and reruns it. Without (results copied to another machine, `git clean`) it
    compares times of files only, and takes results of other parameters for current. Splits, cohorts and trained models
    are looked at, each by itself: the first job after the loss writes a record of its own outputs only.

    Parameters
    ----------
    results : path
        Folder of the study's results, relative to the working folder.
    study : mapping
        The resolved study, JSON-able.
    records : path
        Snakemake's folder of records, ``.snakemake/metadata``.

    Raises
    ------
    SynthaugError
        The configuration differs from that of the results, and some of them have no record.
    """
    kept = Path(results) / CONFIGURATION
    if not kept.is_file():
        return
    changed = changed_keys(read_json(kept), study)
    lost = list(_without_record(Path(results), Path(records))) if changed else []
    if lost:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        outputs = f"{lost[0]} and {len(lost) - 1} more outputs" if len(lost) > 1 else lost[0]
        raise SynthaugError(
            f"{results}: made with another configuration ({', '.join(changed[:_SHOWN])}{more}), and Snakemake's records of "
            f"{outputs} are gone ({records}), so that these would not rerun; restore .snakemake, or move {results} away and "
            f"run again; to keep the results as they are, remove {kept}"
        )


def changed_keys(before: Any, now: Any, where: str = "") -> list[str]:
    """Keys whose values differ, with both values where these are single.

    Parameters
    ----------
    before, now : JSON-able
        Two configurations.
    where : str
        Key that both stand under.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return [
            line
            for key in dict.fromkeys([*before, *now])
            for line in changed_keys(before.get(key), now.get(key), f"{where}.{key}" if where else str(key))
        ]
    if before == now:
        return []
    single = not any(isinstance(value, Mapping | list) for value in (before, now))
    return [f"{where}: {before} before, {now} now" if single else where]


def _without_record(results: Path, records: Path) -> Iterator[str]:
    """Finished outputs that Snakemake did not record; one that it marks as incomplete it makes again in any case."""
    kept = (records, records.parent / "incomplete")
    for output in (found for pattern in _JUDGED for found in sorted(results.glob(pattern))):
        left_behind = output.name.startswith(".")  # by a job that was killed
        if not left_behind and not any(_record_of(output.as_posix(), folder).exists() for folder in kept):
            yield output.as_posix()


def _record_of(output: str, folder: Path) -> Path:
    """Where Snakemake keeps its record of an output: its path in base 64, in folders with an @ where that is too long."""
    name = urlsafe_b64encode(output.encode()).decode()
    length = os.pathconf(folder, "PC_NAME_MAX") - 1 if folder.is_dir() else len(name)
    parts = [name[start : start + length] for start in range(0, len(name), length)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
